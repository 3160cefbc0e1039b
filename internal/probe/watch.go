package probe

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
)

// reply is what one request came to.
type reply struct {
	endpoint string // the API root that was asked
	status   int    // 0: no answer
	err      error
	took     time.Duration
}

// watch sees each request of a walk, and whose endpoint answers it. An endpoint that let us wait in vain once is not waited for again.
type watch struct {
	mu      sync.Mutex
	replies []reply
	dead    map[string]error
}

func newWatch() *watch { return &watch{dead: map[string]error{}} }

// forget drops what was seen, but not who is dead.
func (w *watch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replies = nil
}

// last gives the last reply. It is the one that counted: nobody is asked behind an endpoint that answers well.
func (w *watch) last() reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.replies) == 0 {
		return reply{}
	}
	return w.replies[len(w.replies)-1]
}

// over lets hosts be watched.
func (w *watch) over(hosts []docker.RegistryHost) []docker.RegistryHost {
	watched := make([]docker.RegistryHost, len(hosts))
	for i, h := range hosts {
		client := *h.Client
		client.Transport = watched1{w, loader.Describe(h).URL, h.Client.Transport}
		h.Client = &client
		watched[i] = h
	}
	return watched
}

// watched1 is one endpoint's transport.
type watched1 struct {
	watch    *watch
	endpoint string
	through  http.RoundTripper
}

func (t watched1) RoundTrip(r *http.Request) (*http.Response, error) {
	t.watch.mu.Lock()
	dead := t.watch.dead[t.endpoint]
	t.watch.mu.Unlock()
	if dead != nil {
		t.watch.add(reply{endpoint: t.endpoint, err: dead})
		return nil, dead
	}
	start := time.Now()
	response, err := t.through.RoundTrip(r)
	seen := reply{endpoint: t.endpoint, err: err, took: time.Since(start)}
	if response != nil {
		seen.status = response.StatusCode
	}
	t.watch.add(seen)
	return response, err
}

func (w *watch) add(r reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replies = append(w.replies, r)
	if timeout := net.Error(nil); errors.As(r.err, &timeout) && timeout.Timeout() {
		w.dead[r.endpoint] = r.err
	}
}
