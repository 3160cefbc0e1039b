package rig

import (
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Registry is a registry in this process, which remembers who asked it for what.
type Registry struct {
	Address string // host:port on which it listens

	// Refuse gives the status with which a request is answered, 0 for the registry's own answer. 200 comes with a page of HTML, as a
	// portal's does. Set it while nobody asks.
	Refuse func(*http.Request) int

	// Clock is the time that it says it is; nil: the right one. Set it while nobody asks.
	Clock func() time.Time

	// Redirect is where everybody is sent, as scheme://host:port; empty: nobody is. Set it while nobody asks.
	Redirect string

	server http.Server
	store  http.Handler

	mu     sync.Mutex
	log    []string
	wanted string          // user:password; empty: everybody is served
	tokens map[string]bool // that were given out; nil: user and password are shown to the registry itself
}

// StartRegistry serves an empty registry on an address such as 192.168.1.140:5280, over TLS where config is given.
func StartRegistry(address string, config *tls.Config) (*Registry, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serving a registry on %q: %w", address, err)
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	quiet := log.New(io.Discard, "", 0)
	r := &Registry{Address: listener.Addr().String(), store: registry.New(registry.Logger(quiet))}
	r.server = http.Server{Handler: http.HandlerFunc(r.serve), ErrorLog: quiet}
	go r.server.Serve(listener)
	return r, nil
}

// Close stops serving; what was pushed is gone.
func (r *Registry) Close() error { return r.server.Close() }

// Push adds a random image for this machine's platform under REPOSITORY:TAG and returns its digest. Each call makes
// another image. Pushes go straight to the store and stand in no log.
func (r *Registry) Push(repositoryAndTag string) (string, error) {
	image, err := RandomImage()
	if err != nil {
		return "", err
	}
	return r.PushImage(repositoryAndTag, image)
}

// RandomImage makes an image for this machine's platform, another one at each call.
func RandomImage() (v1.Image, error) {
	image, err := random.Image(512, 2)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.OS, config.Architecture = "linux", runtime.GOARCH
	return mutate.ConfigFile(image, config)
}

// PushImage adds an image under REPOSITORY:TAG and returns its digest, as [Registry.Push] does.
func (r *Registry) PushImage(repositoryAndTag string, image v1.Image) (string, error) {
	ref, err := name.ParseReference("store.example/"+repositoryAndTag, name.Insecure, name.StrictValidation)
	if err != nil {
		return "", fmt.Errorf("pushing %q: %w", repositoryAndTag, err)
	}
	if err := remote.Write(ref, image, remote.WithTransport(inProcess{r.store})); err != nil {
		return "", fmt.Errorf("pushing %q: %w", repositoryAndTag, err)
	}
	digest, err := image.Digest()
	return digest.String(), err
}

// Requests returns what was asked since the last call of Forget, a line each: method, host, path, ns=… and status.
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.log...)
}

// Forget empties the log of requests.
func (r *Registry) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = nil
}

// Want lets in only who shows user:password from now on, to the registry itself, or, with tokens, to where it gives out tokens.
// Tokens that were given out before are good no more.
func (r *Registry) Want(login string, tokens bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted, r.tokens = login, nil
	if tokens {
		r.tokens = map[string]bool{}
	}
}

func (r *Registry) login() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wanted
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request) {
	seen := &answer{ResponseWriter: w, status: http.StatusOK}
	r.mu.Lock()
	tokens := r.tokens != nil
	r.mu.Unlock()
	if r.Clock != nil {
		seen.Header().Set("Date", r.Clock().UTC().Format(http.TimeFormat))
	}
	refused := 0
	if r.Refuse != nil {
		refused = r.Refuse(req)
	}
	switch {
	case r.Redirect != "":
		http.Redirect(seen, req, r.Redirect+req.URL.RequestURI(), http.StatusTemporaryRedirect)
	case refused == http.StatusOK:
		seen.Header().Set("Content-Type", "text/html")
		fmt.Fprint(seen, "<html>welcome</html>")
	case refused != 0:
		http.Error(seen, "refused", refused)
	case tokens && req.URL.Path == tokenPath:
		r.token(seen, req)
	case tokens && !r.bears(req):
		seen.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s://%s%s",service="rig"`, scheme(req), req.Host, tokenPath))
		http.Error(seen, "where is your token?", http.StatusUnauthorized)
	case !tokens && !r.admits(req):
		seen.Header().Set("WWW-Authenticate", `Basic realm="rig"`)
		http.Error(seen, "who are you?", http.StatusUnauthorized)
	default:
		r.store.ServeHTTP(seen, req)
	}
	line := fmt.Sprintf("%s %s %s ns=%s %d", req.Method, req.Host, req.URL.Path, req.URL.Query().Get("ns"), seen.status)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, line)
}

func (r *Registry) admits(req *http.Request) bool {
	wanted := r.login()
	if wanted == "" {
		return true
	}
	user, password, _ := req.BasicAuth()
	return same(user+":"+password, wanted)
}

func scheme(req *http.Request) string {
	if req.TLS != nil {
		return "https"
	}
	return "http"
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// answer remembers the status of a response.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// inProcess is a transport that calls a handler without any network.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	if req.Body == nil {
		req.Body = http.NoBody
	}
	p.handler.ServeHTTP(recorder, req)
	response := recorder.Result()
	response.Request = req
	return response, nil
}
