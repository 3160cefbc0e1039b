package probe_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

// majors are the versions whose code walks.
var majors = []render.Version{{Major: 1, Minor: 6, Patch: 20}, {Major: 1, Minor: 7, Patch: 35}, {Major: 2, Minor: 2, Patch: 9}}

// serve serves a registry. refuse may answer a request with a status of its own; 0 lets it through.
func serve(t *testing.T, refuse func(*http.Request) int) *httptest.Server {
	t.Helper()
	store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Filling") == "" && refuse != nil {
			if status := refuse(r); status == http.StatusOK {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, "<html>")
				return
			} else if status != 0 {
				http.Error(w, "refused", status)
				return
			}
		}
		store.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

type filling struct{}

func (filling) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Filling", "1")
	return http.DefaultTransport.RoundTrip(r)
}

// fill puts one image, as an index for two platforms, into registries as team/app:1.
func fill(t *testing.T, servers ...*httptest.Server) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"s390x", runtime.GOARCH} {
		image, err := random.Image(64, 2)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	for _, s := range servers {
		ref, err := name.ParseReference(strings.TrimPrefix(s.URL, "http://") + "/team/app:1")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.WriteIndex(ref, index, remote.WithTransport(filling{})); err != nil {
			t.Fatal(err)
		}
	}
}

// node writes a hosts.toml for reg.lab.
func node(t *testing.T, version render.Version, hosts string) probe.Node {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "reg.lab"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "reg.lab", "hosts.toml"), []byte(hosts), 0o600); err != nil {
		t.Fatal(err)
	}
	return probe.Node{Root: "/", Runtime: "containerd", Version: version, Said: version.String(), Dirs: []string{dir}}
}

func is(parts ...string) func(*http.Request) int {
	return func(r *http.Request) int {
		for _, p := range parts {
			if !strings.Contains(r.Method+" "+r.URL.Path, p) {
				return 0
			}
		}
		return http.StatusNotFound
	}
}

// TestProbe walks past registries that each lack another thing.
func TestProbe(t *testing.T) {
	good := serve(t, nil)
	headless := serve(t, is("HEAD"))
	manifestless := serve(t, is("GET", "/manifests/"))
	blobless := serve(t, is("/blobs/"))
	portal := serve(t, func(*http.Request) int { return http.StatusOK })
	closed := serve(t, func(*http.Request) int { return http.StatusUnauthorized })
	fill(t, good, headless, manifestless, blobless)
	lacks := serve(t, nil)
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for _, test := range []struct {
		name                     string
		mirrors                  []*httptest.Server
		capabilities             string
		resolved, served, layers *httptest.Server
		verdict                  string
	}{
		{"the first", []*httptest.Server{good, headless}, "", good, good, good, "served by mirror GOOD (1st endpoint)"},
		{"the first is dead", []*httptest.Server{dead, good}, "", good, good, good, "served by mirror GOOD (2nd endpoint); the 1st, "},
		{"the first lacks it", []*httptest.Server{lacks, good}, "", good, good, good, "it does not have team/app"},
		{"the first wants credentials", []*httptest.Server{closed, good}, "", good, good, good, "it wants credentials"},
		{"who does not resolve may serve", []*httptest.Server{headless, good}, "", good, headless, headless, "resolved by mirror GOOD (2nd endpoint), and served by mirror "},
		{"who resolves may not serve", []*httptest.Server{manifestless, good}, "", manifestless, good, manifestless, "and served by mirror GOOD (2nd endpoint)"},
		{"layers from elsewhere", []*httptest.Server{blobless, good}, "", blobless, blobless, good, "its layers by mirror GOOD (2nd endpoint)"},
		{"a push mirror serves", []*httptest.Server{good}, `capabilities = ["push"]`, nil, nil, nil, "may not be asked for it by its capabilities"},
		{"a portal", []*httptest.Server{portal, good}, "", portal, nil, nil, "it answers with text/html, as a web site does"},
		{"nobody", []*httptest.Server{dead, lacks}, "", nil, nil, nil, "a pull of reg.lab/team/app:1 fails: the 1st, "},
	} {
		t.Run(test.name, func(t *testing.T) {
			hosts := "server = \"" + dead.URL + "\"\n"
			for _, m := range test.mirrors {
				hosts += "[host.\"" + m.URL + "\"]\n" + test.capabilities + "\n"
			}
			for _, version := range majors {
				road, err := probe.Explain(t.Context(), node(t, version, hosts), "reg.lab/team/app:1", probe.Options{Probe: true})
				if err != nil {
					t.Fatal(err)
				}
				root := func(s *httptest.Server) string {
					if s == nil {
						return ""
					}
					return s.URL + "/v2"
				}
				if road.ResolvedBy != root(test.resolved) || road.ServedBy != root(test.served) || road.LayersBy != root(test.layers) || (road.Error == "") != (test.served != nil) {
					t.Errorf("%v: resolved by %q, served by %q, layers by %q: %s", version, road.ResolvedBy, road.ServedBy, road.LayersBy, road.Error)
				}
				if want := strings.ReplaceAll(test.verdict, "GOOD", root(good)); !strings.Contains(road.Verdict, want) {
					t.Errorf("%v: verdict %q, want %q in it", version, road.Verdict, want)
				}
			}
		})
	}
}

// TestSilent: an endpoint that takes a connection and says nothing is waited for once.
func TestSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good := serve(t, nil)
	fill(t, good)
	hosts := "server = \"" + good.URL + "\"\n[host.\"http://" + l.Addr().String() + "\"]\n"
	for _, version := range majors {
		road, err := probe.Explain(t.Context(), node(t, version, hosts), "reg.lab/team/app:1", probe.Options{Probe: true, Limit: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if a := road.Endpoints[0].Probe; a.OK || a.Status != 0 || a.Error == "" || road.ServedBy != good.URL+"/v2" {
			t.Errorf("%v: %+v, served by %q", version, a, road.ServedBy)
		}
	}
}

// TestHostsFile: names are found in the hosts file of a node whose file system is only mounted.
func TestHostsFile(t *testing.T) {
	good := serve(t, nil)
	fill(t, good)
	u, err := url.Parse(good.URL)
	if err != nil {
		t.Fatal(err)
	}
	n := node(t, majors[2], "[host.\"http://mirror.invalid:"+u.Port()+"\"]\n")
	n.HostsFile = []byte("# 10.0.0.1 mirror.invalid\n127.0.0.1 other Mirror.invalid # ours\n")
	road, err := probe.Explain(t.Context(), n, "reg.lab/team/app:1", probe.Options{Probe: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := "http://mirror.invalid:" + u.Port() + "/v2"; road.ServedBy != want {
		t.Errorf("served by %q, want %q: %s", road.ServedBy, want, road.Verdict)
	}
}

// TestSilence: without Probe nobody is asked.
func TestSilence(t *testing.T) {
	asked := serve(t, func(r *http.Request) int {
		t.Errorf("asked: %s %s", r.Method, r.URL)
		return 0
	})
	for _, version := range append([]render.Version{{}}, majors...) {
		road, err := probe.Explain(t.Context(), node(t, version, "[host.\""+asked.URL+"\"]\n"), "reg.lab/team/app:1", probe.Options{})
		if err != nil || len(road.Endpoints) != 2 || road.Endpoints[0].Probe != nil || road.ServedBy != "" {
			t.Errorf("%v: %+v, %v", version, road, err)
		}
	}
}

func TestDocker(t *testing.T) {
	good := serve(t, nil)
	fill(t, good)
	host := strings.TrimPrefix(good.URL, "http://")
	for _, test := range []struct {
		name, image string
		d           probe.Docker
		want        string
	}{
		{"hub", "nginx", probe.Docker{Mirrors: []string{"http://m.lab", "https://n.lab/"}}, "http://m.lab/v2 plain http, https://n.lab/v2 verified, https://registry-1.docker.io/v2 verified"},
		{"another", "r.lab/x", probe.Docker{Mirrors: []string{"http://m.lab"}}, "https://r.lab/v2 verified"},
		{"insecure", "r.lab:5000/x", probe.Docker{Insecure: []string{"R.lab:5000"}}, "https://r.lab:5000/v2 not verified, http://r.lab:5000/v2 plain http"},
		{"in a range", "10.1.2.3/x", probe.Docker{Insecure: []string{"10.0.0.0/8"}}, "https://10.1.2.3/v2 not verified, http://10.1.2.3/v2 plain http"},
		{"out of a range", "11.1.2.3:5000/x", probe.Docker{Insecure: []string{"10.0.0.0/8"}}, "https://11.1.2.3:5000/v2 verified"},
		{"loopback", host + "/x", probe.Docker{}, "https://" + host + "/v2 not verified, http://" + host + "/v2 plain http"},
	} {
		test.d.Root = "/"
		road, err := probe.ExplainDocker(t.Context(), test.d, test.image, probe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range road.Endpoints {
			got = append(got, e.URL+" "+e.TLS)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	road, err := probe.ExplainDocker(t.Context(), probe.Docker{Root: "/"}, host+"/team/app:1", probe.Options{Probe: true})
	if err != nil || road.ServedBy != good.URL+"/v2" {
		t.Errorf("served by %q: %s, %v", road.ServedBy, road.Verdict, err)
	}
}
