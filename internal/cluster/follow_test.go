package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/test/rig"
)

// heard is what a follower is told.
type heard struct {
	t      *testing.T
	words  chan string
	all    []string
	ended  chan struct{}
	cancel context.CancelFunc
}

func follow(t *testing.T, c *Client, in Interest) *heard {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	h := &heard{t: t, words: make(chan string, 1000), ended: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(h.ended)
		c.Follow(ctx, in, func(cause string) { h.words <- cause }, func(name string, up bool, why string) {
			if up {
				why = "up"
			}
			h.words <- name + ": " + why
		})
	}()
	t.Cleanup(h.stop)
	return h
}

// stop ends the following, and waits for it.
func (h *heard) stop() {
	h.cancel()
	select {
	case <-h.ended:
	case <-time.After(30 * time.Second):
		h.t.Error("it goes on to follow")
	}
}

// await waits until each of these was told, in any order. Of one that ends in … the rest does not matter.
func (h *heard) await(want ...string) {
	h.t.Helper()
	want = slices.Clone(want)
	end := time.After(time.Minute)
	for len(want) > 0 {
		select {
		case got := <-h.words:
			h.all = append(h.all, got)
			want = slices.DeleteFunc(want, func(w string) bool {
				begin, open := strings.CutSuffix(w, "…")
				return got == w || open && strings.HasPrefix(got, begin)
			})
		case <-end:
			h.t.Fatalf("nobody told of %q; what was told:\n%s", want, strings.Join(h.all, "\n"))
		}
	}
}

// count gives how often something was told so far.
func (h *heard) count(begin string) int {
	n := 0
	for _, w := range h.all {
		if strings.HasPrefix(w, begin) {
			n++
		}
	}
	return n
}

func do(t *testing.T, k *rig.Kube, method, path string, body any) {
	t.Helper()
	if _, err := k.Do(t.Context(), method, path, body); err != nil {
		t.Fatal(err)
	}
}

// secretNamed is a secret with a password in it.
func secretNamed(name string) map[string]any {
	return map[string]any{"metadata": map[string]any{"name": name}, "stringData": map[string]any{"key": "hunter2"}}
}

var everything = []string{"kubernetes namespaces: up", "kubernetes secrets: up", "kubernetes serviceaccounts: up"}

// What changes of our secrets, the service accounts and the namespaces is told of, also when the API server was away.
func TestFollow(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	const inDefault = "/api/v1/namespaces/default/"
	if err := k.Await(t.Context(), "serviceaccount", "default/default", "", ""); err != nil {
		t.Fatal(err)
	}
	do(t, k, http.MethodPost, inDefault+"secrets", secretNamed("harbor"))
	h := follow(t, client(t, k, "admin"), Interest{Secrets: []string{"harbor"}, ServiceAccounts: []string{"default"}})
	h.await(append(everything, "kubernetes: secret default/harbor was added")...) // it is there

	do(t, k, http.MethodPost, inDefault+"secrets", secretNamed("theirs"))
	do(t, k, http.MethodPatch, inDefault+"secrets/harbor", map[string]any{"stringData": map[string]any{"key": "other"}})
	h.await("kubernetes: secret default/harbor was modified")
	do(t, k, http.MethodPatch, inDefault+"serviceaccounts/default", map[string]any{"imagePullSecrets": []any{}})
	do(t, k, http.MethodPatch, inDefault+"serviceaccounts/default", map[string]any{"imagePullSecrets": []any{map[string]any{"name": "x"}}})
	h.await("kubernetes: serviceaccount default/default was modified")
	do(t, k, http.MethodDelete, inDefault+"secrets/harbor", nil)
	h.await("kubernetes: secret default/harbor was deleted")
	do(t, k, http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": "team-a"}})
	h.await("kubernetes: namespace team-a was added", "kubernetes: serviceaccount team-a/default was added")

	k.Kill()
	h.await("kubernetes namespaces: asking the API server…", "kubernetes secrets: asking the API server…", "kubernetes serviceaccounts: asking the API server…")
	if err := k.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.await(everything...)
	do(t, k, http.MethodPost, inDefault+"secrets", secretNamed("harbor"))
	h.await("kubernetes: secret default/harbor was added")
	if n := h.count("kubernetes: secret default/theirs"); n > 0 {
		t.Errorf("of a secret that is none of our business it was told %d times", n)
	}
	h.stop()
}

// Of a secret nothing but its metadata is sent.
func TestFollowMetadata(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	do(t, k, http.MethodPost, "/api/v1/namespaces/default/secrets", secretNamed("harbor"))
	body, err := client(t, k, "admin").stream(t.Context(), &feed{resource: secrets, name: "harbor", version: anew})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var e struct {
		Type   string
		Object json.RawMessage
	}
	if err := json.NewDecoder(body).Decode(&e); err != nil {
		t.Fatal(err)
	}
	text := string(e.Object)
	if e.Type != "ADDED" || !strings.Contains(text, `"PartialObjectMetadata"`) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("hunter2"))) {
		t.Errorf("%s %s", e.Type, text)
	}
}

// Who is not let is told so, and heard when a role is mended; what one may watch is watched.
func TestFollowRefused(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	const user = "system:serviceaccount:default:default"
	if err := k.Await(t.Context(), "serviceaccount", "default/default", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := k.Grant(t.Context(), user, "watch", "secrets", "default"); err != nil {
		t.Fatal(err)
	}
	h := follow(t, client(t, k, user), Interest{Namespaces: []string{"default"}, Secrets: []string{"harbor"}, ServiceAccounts: []string{"default", "builder"}})
	h.await(
		"kubernetes secrets: up",
		`kubernetes namespaces: "`+user+`" may not watch namespaces in the cluster`,
		`kubernetes serviceaccounts: "`+user+`" may not watch serviceaccounts "default" in namespace "default"`,
	)
	do(t, k, http.MethodPost, "/api/v1/namespaces/default/secrets", secretNamed("harbor"))
	h.await("kubernetes: secret default/harbor was added")
	if err := k.Grant(t.Context(), user, "watch", "serviceaccounts", "default"); err != nil {
		t.Fatal(err)
	}
	h.await("kubernetes serviceaccounts: up")
	if n := h.count("kubernetes namespaces: "); n != 1 {
		t.Errorf("that namespaces may not be watched was said %d times", n)
	}
	h.stop()
}

// Of what is too long ago for the API server to know what has happened since, all is told of anew.
func TestFollowGone(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	k.Kill() // what an API server has not seen happen it does not know
	if err := k.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	var told []string
	f := &following{
		client: client(t, k, "admin"), down: map[string]map[*feed]string{},
		tell: func(cause string) { told = append(told, cause) }, stream: func(string, bool, string) {},
	}
	old := &feed{resource: namespaces, version: "1"}
	if err := f.watch(t.Context(), old); err != nil || old.version != anew || len(told) != 0 {
		t.Fatalf("%v, version %q, told %q", err, old.version, told)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	f.tell = func(cause string) {
		if told = append(told, cause); cause == "kubernetes: namespace default was added" {
			cancel()
		}
	}
	f.follow(ctx, old)
	if !slices.Contains(told, "kubernetes: namespaces are followed from now on") {
		t.Errorf("told %q", told)
	}
}
