package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Interest is what of a cluster is to be followed.
type Interest struct {
	Namespaces      []string // where; none: everywhere
	Secrets         []string // their names, the same in each namespace
	ServiceAccounts []string // the same of service accounts
}

// Equal reports whether two interests are the same.
func (i Interest) Equal(other Interest) bool {
	return slices.Equal(i.Namespaces, other.Namespaces) && slices.Equal(i.Secrets, other.Secrets) && slices.Equal(i.ServiceAccounts, other.ServiceAccounts)
}

// Follow tells, until ctx ends, that something may have changed that interests us, in a few words. It says nothing of what has changed:
// whoever hears of it looks again, and finds nothing to do where the change was our own. stream hears of each kind of objects whether changes of
// it are heard of, and if not, why. Neither is called side by side with itself or the other.
//
// Of the objects nothing is sent but their metadata. Each name is asked for on its own, so that a role need not allow to watch, and thereby to
// read, all secrets of the cluster.
func (k *Client) Follow(ctx context.Context, in Interest, tell func(cause string), stream func(name string, up bool, why string)) {
	f := &following{client: k, tell: tell, stream: stream, down: map[string]map[*feed]string{}}
	feeds := []*feed{{resource: namespaces, version: anew}}
	where := in.Namespaces
	if len(where) == 0 {
		where = []string{""}
	}
	for _, namespace := range where {
		for _, name := range in.Secrets {
			feeds = append(feeds, &feed{secrets, namespace, name, anew})
		}
		for _, name := range in.ServiceAccounts {
			feeds = append(feeds, &feed{serviceAccounts, namespace, name, anew})
		}
	}
	for _, one := range feeds {
		f.expect(one)
	}
	var running sync.WaitGroup
	for _, one := range feeds {
		running.Go(func() { f.follow(ctx, one) })
	}
	running.Wait()
}

// feed is one watch of the API server's.
type feed struct {
	resource, namespace, name string

	version string // what was heard of last, or anew
}

// anew is the version of a feed that has heard nothing yet: what the API server has in its memory, all of which comes first.
const anew = "0"

// following is all feeds together.
type following struct {
	client *Client
	mu     sync.Mutex
	tell   func(string)
	stream func(string, bool, string)
	down   map[string]map[*feed]string // by resource: the feeds that are down, and why
}

// expect counts a feed among those that are not there yet.
func (f *following) expect(one *feed) {
	if f.down[one.resource] == nil {
		f.down[one.resource] = map[*feed]string{}
	}
	f.down[one.resource][one] = ""
}

// is notes that a feed is there, or why it is not.
func (f *following) is(one *feed, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	down := f.down[one.resource]
	was, wasDown := down[one]
	switch {
	case err == nil && !wasDown, err != nil && wasDown && was == err.Error():
		return
	case err == nil:
		delete(down, one)
		if len(down) == 0 {
			f.stream("kubernetes "+one.resource, true, "")
		}
		return
	}
	down[one] = err.Error()
	f.stream("kubernetes "+one.resource, false, err.Error())
}

func (f *following) changed(cause string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell("kubernetes: " + cause)
}

// Pauses before another try: the first, the longest, and the longest where the API server does not let us. Then somebody has to change a role
// before it will.
const (
	shortPause = 250 * time.Millisecond
	longPause  = 30 * time.Second
	slowPause  = 10 * time.Minute
)

// follow keeps one feed up.
func (f *following) follow(ctx context.Context, one *feed) {
	pause := shortPause
	for ctx.Err() == nil {
		began := time.Now()
		err := f.watch(ctx, one)
		if ctx.Err() != nil {
			return
		}
		longest := longPause
		if errors.As(err, new(*RefusedError)) {
			longest = slowPause
		}
		if err != nil {
			f.is(one, err)
		}
		if time.Since(began) > longPause {
			pause = shortPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause + rand.N(pause)): // many nodes lose an API server at the same moment
		}
		pause = min(2*pause, longest)
	}
}

// errGone says that what was heard of last is so long ago that the API server does not know what has happened since.
var errGone = errors.New("too much has happened")

// watch listens to a feed until it ends. That the API server ends it, as it does every hour or so, is no error.
func (f *following) watch(ctx context.Context, one *feed) error {
	body, err := f.client.stream(ctx, one)
	switch {
	case errors.Is(err, errGone):
		one.version = anew
		return nil
	case err != nil:
		return err
	}
	defer body.Close()
	f.is(one, nil)
	if one.version == anew {
		f.changed(one.resource + " are followed from now on")
	}
	for events := json.NewDecoder(body); ; {
		var e event
		err := events.Decode(&e)
		if err != nil {
			return nil //nolint:nilerr // it has ended, or is cut off: the next try tells which
		}
		if e.Type == "ERROR" {
			one.version = anew // whatever it is: what has happened meanwhile is not known
			return e.Object.failure()
		}
		one.version = e.Object.Metadata.Version
		if e.Type != "BOOKMARK" {
			f.changed(fmt.Sprintf("%s %s was %s", strings.TrimSuffix(one.resource, "s"), e.Object.name(), strings.ToLower(e.Type)))
		}
	}
}

// event is what the API server says of one change.
type event struct {
	Type   string `json:"type"` // ADDED, MODIFIED, DELETED, BOOKMARK: nothing but its version; ERROR
	Object partial
}

// partial is what we want to know of an object.
type partial struct {
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Version   string `json:"resourceVersion"`
	} `json:"metadata"`

	Code    int    `json:"code"` // of an ERROR, whose object is a Status
	Message string `json:"message"`
}

// failure gives the error of an ERROR; that too much has happened is none.
func (p partial) failure() error {
	if p.Code == http.StatusGone {
		return nil
	}
	return fmt.Errorf("the API server ended the watch: %s", p.Message)
}

func (p partial) name() string {
	if p.Metadata.Namespace == "" {
		return p.Metadata.Name
	}
	return p.Metadata.Namespace + "/" + p.Metadata.Name
}

// onlyMetadata asks for no more of each object than that.
const onlyMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// stream begins a watch.
func (k *Client) stream(ctx context.Context, one *feed) (io.ReadCloser, error) {
	r := k.streams.Get().NamespaceIfScoped(one.namespace, one.namespace != "").Resource(one.resource).
		Param("watch", "true").Param("resourceVersion", one.version).SetHeader("Accept", onlyMetadata)
	if one.version != anew {
		// From 1.32 on bookmarks make of one that begins anew a watch with a list in it, for which not every etcd is new enough ("the required
		// storage feature RequestWatchProgress is disabled", seen with 3.4).
		r = r.Param("allowWatchBookmarks", "true")
	}
	if one.name != "" {
		r = r.Param("fieldSelector", "metadata.name="+one.name)
	}
	body, err := r.MaxRetries(0).Stream(ctx)
	if status := apierrors.APIStatus(nil); errors.As(err, &status) && status.Status().Code == http.StatusGone {
		return nil, errGone
	}
	return body, k.problem(err, "watch", target{resource: one.resource, namespace: one.namespace, name: one.name})
}
