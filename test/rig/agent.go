package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// AgentImport is where a cluster agent takes archives.
const AgentImport = "/cluster/api/v2.0/image/import"

// Agent is a stand-in for the cluster agent of another MicroK8s node. It does what the real one does with an import (pkg/api/v2 and pkg/snap of
// canonical/microk8s-cluster-agent): the token first, then the body straight into Load, and the answers in JSON.
type Agent struct {
	Address string // host:port on which it listens
	Token   string
	Cut     time.Duration // after this long it ends what a request has started; 240 s where it is 0
	Load    func(ctx context.Context, tar io.Reader) error

	listener net.Listener
	server   http.Server

	mu   sync.Mutex
	next []http.HandlerFunc
	log  []string

	gone  context.Context
	leave context.CancelFunc
}

// ServerNames are the names in the server.crt of a MicroK8s node with this address (certs/csr.conf.template).
func ServerNames(address string) []string {
	return []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster",
		"kubernetes.default.svc.cluster.local", "127.0.0.1", "10.152.183.1", address,
	}
}

// StartAgent serves on an address such as 192.168.1.141:25000, port 0 for any. Its certificate is signed by authority: the cluster's, or one of
// its own as on a worker node.
func StartAgent(address string, authority *Authority, token string, load func(ctx context.Context, tar io.Reader) error) (*Agent, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config, err := authority.Server(false, ServerNames(host)...)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serving a cluster agent on %q: %w", address, err)
	}
	a := &Agent{Address: listener.Addr().String(), Token: token, Load: load, listener: listener}
	a.gone, a.leave = context.WithCancel(context.Background())
	a.server = http.Server{Handler: http.HandlerFunc(a.serve), ErrorLog: log.New(io.Discard, "", 0), TLSConfig: config}
	go a.server.ServeTLS(listener, "", "")
	return a, nil
}

// Close stops serving, and ends what hangs.
func (a *Agent) Close() error {
	a.leave()
	a.listener.Close() // the server does not know of it before it has begun to serve
	return a.server.Close()
}

// Answer makes the next request end with these words, before anything of it is read.
func (a *Agent) Answer(status int, body string) {
	a.Next(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

// Hang makes the next request wait for an answer that never comes. Its body is read all the same.
func (a *Agent) Hang() {
	a.Next(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-a.gone.Done():
		}
	})
}

// Next says what the next request is answered with.
func (a *Agent) Next(answer http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = append(a.next, answer)
}

// Requests returns what was asked, a line each: method, path and status.
func (a *Agent) Requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.log)
}

func (a *Agent) serve(w http.ResponseWriter, r *http.Request) {
	seen := &answer{ResponseWriter: w, status: http.StatusOK}
	a.mu.Lock()
	answer := a.imports
	if len(a.next) > 0 {
		answer, a.next = a.next[0], a.next[1:]
	}
	a.mu.Unlock()
	answer(seen, r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log = append(a.log, fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, seen.status))
}

func (a *Agent) imports(w http.ResponseWriter, r *http.Request) {
	cut := a.Cut
	if cut == 0 {
		cut = 240 * time.Second
	}
	ctx, cancel := context.WithTimeout(r.Context(), cut)
	defer cancel()
	switch {
	case r.URL.Path != AgentImport:
		say(w, http.StatusNotFound, "error", "not found")
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusNotFound)
	case a.Token == "" || strings.TrimSpace(r.Header.Get("x-microk8s-callback-token")) != a.Token:
		say(w, http.StatusUnauthorized, "error", "invalid token")
	default:
		if err := a.Load(ctx, r.Body); err != nil {
			say(w, http.StatusInternalServerError, "error", "failed to import the image: microk8s.ctr command failed: "+err.Error())
			return
		}
		say(w, http.StatusOK, "status", "OK")
	}
}

func say(w http.ResponseWriter, status int, key, text string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{key: text})
}

// Ctr returns what an agent does with an archive: "ctr image import -", into the containerd behind a socket.
func Ctr(socket string) func(ctx context.Context, tar io.Reader) error {
	return func(ctx context.Context, tar io.Reader) error {
		ctr := exec.CommandContext(ctx, "ctr", "--address", socket, "--namespace", "k8s.io", "image", "import", "-")
		var said bytes.Buffer
		ctr.Stdin, ctr.Stdout, ctr.Stderr = tar, &said, &said
		if err := ctr.Run(); err != nil {
			// The real agent says the first part only, and leaves what ctr said to its journal.
			return fmt.Errorf("%w (%s)", err, strings.TrimSpace(said.String()))
		}
		return nil
	}
}
