package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/test/rig"
)

const twoNodes = `{"kind":"NodeList","metadata":{"continue":%q},"items":[
 {"metadata":{"name":"edge-%d","labels":{"kubernetes.io/hostname":"edge-%[2]d","kubernetes.io/arch":"arm64"}},
  "status":{"addresses":[{"type":"Hostname","address":"edge-%[2]d"},{"type":"InternalIP","address":"10.0.0.%[2]d"},{"type":"InternalIP","address":"fd00::%[2]d"}],
   "conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":"True"}],"images":[{"names":["x"]}]}},
 {"metadata":{"name":"new-%[2]d"},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}]}`

func twoOf(n int) []Node {
	return []Node{
		{
			Name: fmt.Sprintf("edge-%d", n), Hostname: fmt.Sprintf("edge-%d", n), Arch: "arm64", Ready: true, Address: fmt.Sprintf("10.0.0.%d", n),
			Addresses: []string{fmt.Sprintf("10.0.0.%d", n), fmt.Sprintf("fd00::%d", n)},
		},
		{Name: fmt.Sprintf("new-%d", n)},
	}
}

// apiserver serves what serve says, to clients with a certificate where clients is true. It gives the kubeconfig but for its user.
func apiserver(t *testing.T, authority *rig.Authority, clients bool, serve http.HandlerFunc) (cluster string) {
	t.Helper()
	config, err := authority.Server(clients, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(serve)
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return fmt.Sprintf(`apiVersion: v1
kind: Config
preferences: {}
clusters:
- cluster:
    certificate-authority-data: %s
    server: %s
  name: microk8s-cluster
contexts:
- context:
    cluster: microk8s-cluster
    user: admin
  name: microk8s
current-context: microk8s
users:
- name: admin
  user:
`, base64.StdEncoding.EncodeToString(authority.PEM), server.URL)
}

func TestNodes(t *testing.T) {
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := authority.Issue("admin")
	if err != nil {
		t.Fatal(err)
	}
	inline := fmt.Sprintf("    client-certificate-data: %s\n    client-key-data: %s\n",
		base64.StdEncoding.EncodeToString(cert), base64.StdEncoding.EncodeToString(key))
	pages := func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case r.URL.Path != "/api/v1/nodes" || q.Get("limit") == "":
			w.WriteHeader(http.StatusNotFound)
		case q.Get("continue") == "":
			fmt.Fprintf(w, twoNodes, "more=&", 1)
		case q.Get("continue") == "more=&":
			fmt.Fprintf(w, twoNodes, "", 2)
		}
	}
	authorized := func(want string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != want {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			pages(w, r)
		}
	}
	expired := 0
	for name, c := range map[string]struct {
		clients bool
		user    string
		files   tree
		serve   http.HandlerFunc
		message string
	}{
		"certificate": {clients: true, user: inline},
		"certificate in files": {
			clients: true, user: "    client-certificate: /c/client.crt\n    client-key: client.key\n",
			files: tree{"/c/client.crt": string(cert), "/node/client.key": string(key)},
		},
		"token":         {user: "    token: abc\n", serve: authorized("Bearer abc")},
		"token in file": {user: "    tokenFile: /t\n", files: tree{"/t": "abc\n"}, serve: authorized("Bearer abc")},
		"password":      {user: "    username: admin\n    password: p\n", serve: authorized("Basic YWRtaW46cA==")},
		"the list expires once": {user: "    token: abc\n", serve: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("continue") != "" && expired == 0 {
				expired++
				w.WriteHeader(http.StatusGone)
				return
			}
			pages(w, r)
		}},
		"forbidden": {
			user: "    token: abc\n",
			serve: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "message": `nodes is forbidden: User "x" cannot list`})
			},
			message: `the API server said 403 Forbidden: "nodes is forbidden: User \"x\" cannot list"`,
		},
		"another token": {user: "    token: abc\n", serve: authorized("Bearer def"), message: `401 Unauthorized: ""`},
		"a web page": {
			user: "    token: abc\n", serve: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
			message: "reading the list: invalid character",
		},
		"no end": {
			user: "    token: abc\n", serve: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, twoNodes, "x", 1) },
			message: "the same page again and again",
		},
		"redirect": {
			user: "    token: abc\n", serve: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
			message: "302 Found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.serve == nil {
				c.serve = pages
			}
			files := tree{"/node/client.config": apiserver(t, authority, c.clients, c.serve) + c.user}
			for path, text := range c.files {
				files[path] = text
			}
			api, err := Kubeconfig("/node/client.config", files.read)
			if err != nil {
				t.Fatal(err)
			}
			got, err := api.Nodes(patient(t))
			if c.message != "" {
				if err == nil || !strings.Contains(err.Error(), c.message) || !strings.HasPrefix(err.Error(), `listing the nodes of "127.0.0.1:`) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Concat(twoOf(1), twoOf(2)), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNodesUntrusted(t *testing.T) {
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	config := apiserver(t, authority, false, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	encode := base64.StdEncoding.EncodeToString
	config = strings.Replace(config, encode(authority.PEM), encode(stranger.PEM), 1) + "    token: abc\n"
	api, err := Kubeconfig("/c", tree{"/c": config}.read)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Nodes(patient(t)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := api.Nodes(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestKubeconfigFaults(t *testing.T) {
	const whole = `current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://127.0.0.1:16443"}}]
users: [{name: u, user: {token: abc}}]
`
	for message, c := range map[string]struct{ old, new string }{
		"it is no kubeconfig":                               {"contexts: [", "contexts: ]"},
		`there is no context "x"`:                           {"current-context: c", "current-context: x"},
		`there is no cluster "x"`:                           {"cluster: k,", "cluster: x,"},
		`there is no user "x"`:                              {"user: u}", "user: x}"},
		`server "http://127.0.0.1:16443" is no https://`:    {"https:", "http:"},
		`user "u": it has neither`:                          {"{token: abc}", "{exec: {command: login}}"},
		`client-certificate: reading "/f": file does not e`: {"{token: abc}", "{client-certificate: /f}"},
		`client-certificate and client-key: tls: `:          {"{token: abc}", "{client-certificate-data: eA==}"},
		`certificate-authority: no certificate in it`:       {"{server:", "{certificate-authority-data: eA==, server:"},
		`certificate-authority: reading "ca": file`:         {"{server:", "{certificate-authority: ca, server:"},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if _, err := Kubeconfig("/c", tree{"/c": text}.read); err == nil || !strings.Contains(err.Error(), message) || !strings.HasPrefix(err.Error(), `reading "/c": `) {
			t.Errorf("got %v, want %s", err, message)
		}
	}
	if _, err := Kubeconfig("/c", tree{}.read); err == nil || err.Error() != `reading "/c": file does not exist` {
		t.Error(err)
	}
}

func FuzzKubeconfig(f *testing.F) {
	f.Add("current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n" +
		"clusters: [{name: k, cluster: {server: 'https://h'}}]\nusers: [{name: u, user: {token: abc}}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		api, err := Kubeconfig("/c", tree{"/c": text}.read)
		if err == nil && (api.server.Scheme != "https" || api.tls.InsecureSkipVerify) {
			t.Errorf("%v", api.server)
		}
	})
}

func TestOthers(t *testing.T) {
	nodes := []Node{
		{Name: "a", Hostname: "a", Addresses: []string{"10.0.0.1", "fd00::1"}},
		{Name: "b", Hostname: "edge-b", Addresses: []string{"10.0.0.2"}},
		{Name: "c", Hostname: "c"},
	}
	for name, c := range map[string]struct {
		hostname  string
		addresses []string
		want      string
	}{
		"by address":                           {"x", []string{"127.0.0.1", "10.0.0.2"}, "a c"},
		"by another address":                   {"x", []string{"fd00::1"}, "b c"},
		"by host name":                         {"EDGE-B", nil, "a c"},
		"by name":                              {"b", nil, "a c"},
		"an address says more than a name":     {"c", []string{"10.0.0.1"}, "b c"},
		"not among them":                       {"d", []string{"10.0.0.9"}, ""},
		"without a name no node is without it": {"", nil, ""},
	} {
		got, err := Others(nodes, c.hostname, c.addresses)
		var names []string
		for _, n := range got {
			names = append(names, n.Name)
		}
		if strings.Join(names, " ") != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q, %v", name, names, err)
		}
	}
	if nodes[0].Name != "a" || len(nodes) != 3 {
		t.Error("the list was changed")
	}
}
