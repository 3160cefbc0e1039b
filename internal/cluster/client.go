package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// How long the API server is given to take a connection, and to answer.
const (
	dialTime   = 5 * time.Second
	answerTime = 30 * time.Second
)

// Client talks to one API server.
type Client struct {
	host   string // for messages
	core   *rest.RESTClient
	leases *rest.RESTClient
	// streams is core without a limit to the time of an answer.
	streams *rest.RESTClient
	clock   clock
	way     way
}

// Open finds the way to the API server. It asks nobody yet. The error is [ErrNoAccess] where there is no way.
func Open(a Access, userAgent string) (*Client, error) {
	quiet()
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	k := &Client{host: config.Host}
	if u, err := url.Parse(config.Host); err == nil && u.Host != "" {
		k.host = u.Host
	}
	k.way = way{config.Host, config.Username, config.Password, config.BearerToken, config.BearerTokenFile, config.TLSClientConfig}
	config.UserAgent = userAgent
	config.Timeout = answerTime
	config.WarningHandler = rest.NoWarnings{} // it would print them
	config.QPS = -1                           // a run asks for some objects a namespace, once; the server knows its limits itself
	if config.Dial == nil {
		config.Dial = (&net.Dialer{Timeout: dialTime}).DialContext
	}
	config.Wrap(k.clock.watch)
	if k.core, err = restClient(config, "/api", schema.GroupVersion{Version: "v1"}); err != nil {
		return nil, err
	}
	if k.leases, err = restClient(config, "/apis", schema.GroupVersion{Group: "coordination.k8s.io", Version: "v1"}); err != nil {
		return nil, err
	}
	config.Timeout = 0
	k.streams, err = restClient(config, "/api", schema.GroupVersion{Version: "v1"})
	return k, err
}

// way is where an API server is, and as whom we come.
type way struct {
	host, user, password, token, tokenFile string

	tls rest.TLSClientConfig
}

// Same reports whether another client talks to the same API server as the same user.
func (k *Client) Same(other *Client) bool { return reflect.DeepEqual(k.way, other.way) }

// quiet keeps client-go, which logs what it returns as an error anyway, from writing to our standard error.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })

func restClient(config *rest.Config, path string, version schema.GroupVersion) (*rest.RESTClient, error) {
	config = rest.CopyConfig(config)
	types := runtime.NewScheme()
	metav1.AddToGroupVersion(types, version) // errors and options; objects are read as they are
	config.APIPath, config.GroupVersion = path, &version
	config.NegotiatedSerializer = serializer.NewCodecFactory(types).WithoutConversion()
	return rest.RESTClientFor(config)
}

// Ready fails where the API server is not there, or is not ready to be asked.
func (k *Client) Ready(ctx context.Context) error {
	_, err := raw(ctx, k.core.Get().AbsPath("/readyz"))
	if err = k.problem(err, "get", target{resource: "/readyz"}); errors.As(err, new(*RefusedError)) {
		return nil // it is there
	}
	return err
}

// clock is the API server's, as its last answer told it, to the second. Leases are judged by it alone: what this node, or another, takes for the
// time does not matter.
type clock struct{ last atomic.Pointer[time.Time] }

// now gives the API server's time; that of this node before the first answer, or where something on the way cuts the header off.
func (c *clock) now() time.Time {
	if t := c.last.Load(); t != nil {
		return *t
	}
	return time.Now()
}

// watch takes note of the time in each answer.
func (c *clock) watch(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err == nil {
			if t, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
				c.last.Store(&t)
			}
		}
		return answer, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// target names an object, or a kind of objects, for requests and for messages.
type target struct {
	resource, namespace, name string
}

func (k *Client) rest(t target) *rest.RESTClient {
	if t.resource == leases {
		return k.leases
	}
	return k.core
}

// get reads an object; nil where there is none.
func (k *Client) get(ctx context.Context, t target) (object, error) {
	return k.do(k.rest(t).Get().NamespaceIfScoped(t.namespace, t.namespace != "").Resource(t.resource).Name(t.name), ctx, "get", t)
}

func (k *Client) create(ctx context.Context, t target, o object) error {
	_, err := k.do(k.rest(t).Post().Namespace(t.namespace).Resource(t.resource).Body(o.encode()), ctx, "create", t)
	return err
}

func (k *Client) update(ctx context.Context, t target, o object) error {
	_, err := k.do(k.rest(t).Put().Namespace(t.namespace).Resource(t.resource).Name(t.name).Body(o.encode()), ctx, "update", t)
	return err
}

// remove deletes the version of an object that was read, and no other.
func (k *Client) remove(ctx context.Context, t target, o object) error {
	uid, version := o.text("metadata", "uid"), o.text("metadata", "resourceVersion")
	options := object{
		"apiVersion": "v1", "kind": "DeleteOptions",
		"preconditions": map[string]any{"uid": uid, "resourceVersion": version},
	}
	_, err := k.do(k.rest(t).Delete().Namespace(t.namespace).Resource(t.resource).Name(t.name).Body(options.encode()), ctx, "delete", t)
	return err
}

// do sends a request and reads the object in its answer.
func (k *Client) do(r *rest.Request, ctx context.Context, verb string, t target) (object, error) { //nolint:revive // reads as a sentence: what, and then how
	data, err := raw(ctx, r.SetHeader("Content-Type", "application/json"))
	if err != nil {
		return nil, k.problem(err, verb, t)
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, k.problem(err, verb, t)
	}
	return o, nil
}

// list hands over all objects of a resource, in all namespaces, page by page. fields is a field selector, or empty.
func (k *Client) list(ctx context.Context, resource, fields string, each func(object)) error {
	next, t := "", target{resource: resource}
	for {
		request := k.rest(t).Get().Resource(resource).Param("limit", "500")
		if fields != "" {
			request = request.Param("fieldSelector", fields)
		}
		if next != "" {
			request = request.Param("continue", next)
		}
		data, err := raw(ctx, request)
		if err != nil {
			return k.problem(err, "list", t)
		}
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []object `json:"items"`
		}
		if err := json.Unmarshal(data, &page); err != nil {
			return k.problem(errors.New("its answer is no list"), "list", t) // the parser's words may quote a secret
		}
		for _, o := range page.Items {
			each(o)
		}
		if page.Metadata.Continue == "" || page.Metadata.Continue == next {
			return nil
		}
		next = page.Metadata.Continue
	}
}

// raw sends a request and gives the answer as it is; of one that is an error, with the API server's own reason.
func raw(ctx context.Context, r *rest.Request) ([]byte, error) {
	result := r.SetHeader("Accept", "application/json").Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}
