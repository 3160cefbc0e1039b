package cluster

import (
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const token = "kubeconfig-t0ken"

// kubeconfig is one with its token and its CA in files beside it.
const kubeconfig = `apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "SERVER", certificate-authority: ca.crt}}]
users: [{name: u, user: {tokenFile: token}}]
`

func TestAccess(t *testing.T) {
	var asked []string
	api := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Header.Get("Authorization")+" "+r.Header.Get("User-Agent"))
	}))
	defer api.Close()
	dir := t.TempDir()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw}))
	for name, text := range map[string]string{"config": strings.ReplaceAll(kubeconfig, "SERVER", api.URL), "token": token + "\n", "ca.crt": ca, "broken": "token: " + token + ": :"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "config")
	node := func(name string) ([]byte, error) {
		base, ok := strings.CutPrefix(name, "/etc/kube/")
		if !ok {
			return nil, fs.ErrNotExist
		}
		return os.ReadFile(filepath.Join(dir, base))
	}
	for _, test := range []struct {
		name   string
		access Access
		err    string // empty: it works
	}{
		{"of the spec", Access{Kubeconfig: "/etc/kube/config", Variable: "/no/such/file", Read: node}, ""},
		{"of the environment", Access{Variable: "/no/such/file:" + config, Usual: "/no/such/file", Read: node}, ""},
		{"of the node", Access{Usual: "/etc/kube/config", Read: node}, ""},
		{"of the node, with a variable that names nothing", Access{Variable: "/no/such/file", Usual: "/etc/kube/config", Read: node}, ""},
		{"none", Access{Read: noFile}, "there is no kubeconfig"},
		{"none where the spec says", Access{Kubeconfig: "/nowhere", Usual: "/etc/kube/config", Read: node}, `there is no kubeconfig: "/nowhere" is not there`},
		{"none where it usually is", Access{Usual: "/nowhere", Read: node}, `there is no kubeconfig: "/nowhere" is not there`},
		{"broken", Access{Kubeconfig: "/etc/kube/broken", Read: node}, `reading "/etc/kube/broken": it is no kubeconfig`},
		{"not a kubeconfig", Access{Kubeconfig: "/etc/kube/token", Read: node}, `reading "/etc/kube/token"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked = nil
			c, err := Open(test.access, "regsync/test")
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %s", err, test.err)
				}
				if none := strings.HasPrefix(test.err, "there is no"); none != errors.Is(err, ErrNoAccess) {
					t.Errorf("that there is no way is said: %v", !none)
				}
				if strings.Contains(err.Error(), token) {
					t.Errorf("the error shows the token: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want := "/readyz Bearer " + token + " regsync/test"; len(asked) != 1 || asked[0] != want {
				t.Errorf("the API server heard %q, want %q", asked, want)
			}
		})
	}
}

// A proxy in front of the API server that cuts it off, and answers that are no Kubernetes': nothing of it is taken for an object.
// Of it all client-go writes nothing to our standard error.
func TestBadAnswers(t *testing.T) {
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = said
	t.Cleanup(func() {
		os.Stderr = stderr
		if text, err := os.ReadFile(said.Name()); err != nil || len(text) > 0 {
			t.Errorf("on standard error stands %q, error %v", text, err)
		}
	})
	for name, answer := range map[string]http.HandlerFunc{
		"no JSON":        func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>hello</html>")) },
		"bad gateway":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"who are you":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"broken off":     func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "100") },
		"another object": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"kind":"Secret","type":"Opaque"}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			api := httptest.NewServer(answer)
			defer api.Close()
			config := strings.ReplaceAll(strings.ReplaceAll(kubeconfig, "SERVER", api.URL), "tokenFile: token", "token: "+token)
			config = strings.ReplaceAll(config, ", certificate-authority: ca.crt", "")
			c, err := Open(Access{Kubeconfig: "/k", Read: func(string) ([]byte, error) { return []byte(config), nil }}, "regsync/test")
			if err != nil {
				t.Fatal(err)
			}
			l, err := c.Look(t.Context(), targetSecret)
			if name == "another object" {
				if err != nil || l.Obstacle == "" {
					t.Errorf("obstacle %q, error %v", l.Obstacle, err)
				}
				return
			}
			if err == nil || strings.Contains(err.Error(), token) {
				t.Errorf("error %v", err)
			}
		})
	}
}
