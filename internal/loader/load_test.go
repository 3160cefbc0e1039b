package loader_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// What each major makes of files as they are found on nodes.
func TestJudge(t *testing.T) {
	const (
		upstream = "https://r.example/v2"
		ignored  = "error: failed to decode"
	)
	for _, test := range []struct {
		name   string
		hosts  string
		one    []string // whom 1.x asks
		two    []string // whom 2.x asks
		logged [2]string
		panic  [2]string
	}{{
		name:  "tables",
		hosts: "server = \"https://r.example\"\n[host.\"http://m:5000\"]\n[host.\"https://n/v2/p\"]\noverride_path = true\n",
		one:   []string{"http://m:5000/v2", "https://n/v2/p", upstream},
		two:   []string{"http://m:5000/v2", "https://n/v2/p", upstream},
	}, {
		name:  "empty file",
		hosts: "",
		one:   []string{upstream},
		two:   []string{upstream},
	}, {
		name:  "dotted keys with skip_verify second end 2.x",
		hosts: "host.\"https://m\".capabilities = [\"pull\"]\nhost.\"https://m\".skip_verify = true\n",
		one:   []string{"https://m/v2", upstream},
		panic: [2]string{"", "reflect: reflect.Value.Set using unaddressable value"},
	}, {
		name:   "arrays of tables end 1.x",
		hosts:  "[[host.\"http://m\"]]\n[[host.\"http://n\"]]\n",
		two:    []string{upstream},
		logged: [2]string{"", ignored},
		panic:  [2]string{"interface conversion: interface {} is []*toml.Tree, not *toml.Tree", ""},
	}, {
		name:  "inline hosts do not exist for 2.x",
		hosts: "server = \"https://r.example\"\nhost = {\"http://m\" = {}}\n",
		one:   []string{"http://m/v2", upstream},
		two:   []string{upstream},
	}, {
		name:   "unknown capability",
		hosts:  "[host.\"http://m\"]\ncapabilities = [\"fetch\"]\n",
		one:    []string{upstream},
		two:    []string{upstream},
		logged: [2]string{ignored, ignored},
	}, {
		name:   "byte order mark",
		hosts:  "\ufeffserver = \"https://s\"\n",
		one:    []string{"https://s/v2"},
		two:    []string{upstream},
		logged: [2]string{"", ignored},
	}, {
		name:   "http with TLS keys",
		hosts:  "server = \"https://r.example\"\n[host.\"http://m:5000\"]\nskip_verify = true\n",
		one:    []string{"http://m:5000/v2", upstream},
		two:    []string{"http://m:5000/v2", upstream},
		logged: [2]string{"info: host will try HTTPS first", "info: host will try HTTPS first"},
	}} {
		t.Run(test.name, func(t *testing.T) {
			for major, want := range map[int][]string{1: test.one, 2: test.two} {
				got, err := loader.Judge(major, map[string][]byte{"hosts.toml": []byte(test.hosts)}, "r.example")
				if err != nil {
					t.Errorf("%d.x: %v", major, err)
				}
				if got.Panic != test.panic[major-1] {
					t.Errorf("%d.x: panic %q, want %q", major, got.Panic, test.panic[major-1])
				}
				if logged := strings.Join(got.Logged, "\n"); !strings.HasPrefix(logged, test.logged[major-1]) || test.logged[major-1] == "" && logged != "" {
					t.Errorf("%d.x: logged %q, want %q", major, logged, test.logged[major-1])
				}
				if test.panic[major-1] == "" && !reflect.DeepEqual(urls(got), want) {
					t.Errorf("%d.x: asks %q, want %q", major, urls(got), want)
				}
			}
		})
	}
}

func TestJudgeFails(t *testing.T) {
	files := map[string][]byte{"hosts.toml": []byte("server = \"https://r.example\"\nca = \"none.pem\"\n[host]\n")}
	for _, major := range []int{1, 2} {
		if _, err := loader.Judge(major, files, "r.example"); err == nil || !strings.Contains(err.Error(), "unable to read CA cert") {
			t.Errorf("%d.x: error %v, want the missing CA", major, err)
		}
	}
	if _, err := loader.Judge(3, nil, "r.example"); err == nil {
		t.Error("major 3: no error")
	}
	if _, err := loader.Judge(2, nil, "../r.example"); err == nil {
		t.Error("a host that leads out of the directory: no error")
	}
}

func TestJudgeAny(t *testing.T) {
	got, err := loader.Judge(2, map[string][]byte{"hosts.toml": []byte("[host.\"http://m\"]\n")}, "*")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"http://m/v2", "https://any.invalid/v2"}; !reflect.DeepEqual(urls(got), want) || got.Directory != "_default" {
		t.Errorf("asks %q by %q, want %q", urls(got), got.Directory, want)
	}
}

func TestAgrees(t *testing.T) {
	hub := render.Endpoint{URL: "https://r.example", Capabilities: []string{"pull", "resolve", "push"}, Upstream: true}
	mirror := render.Endpoint{URL: "https://m.example/a%20b", Capabilities: []string{"pull"}}
	with := func(change func(*render.Endpoint)) render.Endpoint {
		e := mirror
		change(&e)
		return e
	}
	const file = "server = \"https://r.example\"\n[host.\"https://m.example/a%20b\"]\ncapabilities = [\"pull\"]\n"
	for _, test := range []struct {
		name, hosts string
		asks        []render.Endpoint
		want        string // empty: they agree
	}{
		{"as meant", file, []render.Endpoint{mirror, hub}, ""},
		{"an upstream too many", file, []render.Endpoint{mirror}, "2 endpoints would be asked, not 1"},
		{"another order", file, []render.Endpoint{hub, mirror}, "endpoint 1: "},
		{"other capabilities", file, []render.Endpoint{with(func(e *render.Endpoint) { e.Capabilities = []string{"resolve"} }), hub}, "endpoint 1: "},
		{"no verification", file, []render.Endpoint{with(func(e *render.Endpoint) { e.SkipVerify = true }), hub}, "endpoint 1: "},
		{"a CA", file, []render.Endpoint{with(func(e *render.Endpoint) { e.CAFiles = []string{"x"} }), hub}, "endpoint 1: "},
		{"a client", file, []render.Endpoint{with(func(e *render.Endpoint) { e.Cert = []byte("x") }), hub}, "endpoint 1: "},
		{"a header", file, []render.Endpoint{with(func(e *render.Endpoint) { e.Header = map[string][]string{"X": {"1"}} }), hub}, "endpoint 1: "},
		{"another root", file, []render.Endpoint{with(func(e *render.Endpoint) { e.Root = true }), hub}, "endpoint 1: "},
		{"ignored", "server = 1\n", []render.Endpoint{hub}, "it would be ignored: "},
		{"the end of containerd", "host.\"https://m\".capabilities = [\"pull\"]\nhost.\"https://m\".skip_verify = true\n", []render.Endpoint{hub}, "it would end containerd: "},
	} {
		got, err := loader.Judge(2, map[string][]byte{"hosts.toml": []byte(test.hosts)}, "r.example")
		if err != nil {
			t.Fatal(err)
		}
		switch err := got.Agrees(test.asks); {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func urls(r loader.Result) []string {
	var all []string
	for _, e := range r.Endpoints {
		all = append(all, e.URL)
	}
	return all
}
