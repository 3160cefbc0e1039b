package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/regsync/regsync/spec"
)

func TestAPI(t *testing.T) {
	for _, test := range []struct {
		url      string
		override spec.Override
		api      string
	}{
		{"https://m", "", "https://m/v2"},
		{"https://m/", "", "https://m/v2"},
		{"https://v2", "", "https://v2/v2"},
		{"https://m/v2", "", "https://m/v2"},
		{"https://m/v2/", "", "https://m/v2"},
		{"https://m/v2/proxy", "", "https://m/v2/proxy"},
		{"https://m/v2proxy", "", "https://m/v2proxy/v2"},
		{"https://m/proxy", spec.OverrideAuto, "https://m/proxy/v2"},
		{"https://m/proxy/v2", spec.OverrideAuto, "https://m/proxy/v2"},
		{"https://m/proxy", spec.OverrideYes, "https://m/proxy"},
		{"https://m", spec.OverrideYes, "https://m"},
		{"https://m/v2/proxy", spec.OverrideNo, "https://m/v2/proxy/v2"},
		{"https://m/v2", spec.OverrideNo, "https://m/v2"}, // containerd never adds to that
		{"https://m/x/../v2", "", "https://m/v2"},
		{"https://m//x", "", "https://m/x/v2"},
		{"https://docker.io", "", "https://registry-1.docker.io/v2"},
		{"http://docker.io", "", "http://docker.io/v2"},
	} {
		c := &chart{}
		got := c.mirror(&spec.Endpoint{URL: test.url, OverridePath: test.override}, place{})
		if got.API() != test.api {
			t.Errorf("%s, overridePath %q: %s, want %s", test.url, test.override, got.API(), test.api)
		}
		for _, other := range []Endpoint{{URL: "https://m/v2", Root: true}, {URL: "https://m"}, {URL: "https://m/x"}, {URL: "https://v2"}} {
			if same := got.API() == other.API(); sameAPI(&got, &other) != same || sameAPI(&other, &got) != same {
				t.Errorf("sameAPI(%q, %q) is not %v", got.URL, other.URL, same)
			}
		}
	}
}

func TestCredentialHeader(t *testing.T) {
	for name, want := range map[string]bool{
		"Authorization": true, "cookie": true, "X-Auth-Token": true, "X-Api-Key": true, "Proxy-Authorization": true, "X-JFrog-Art-Api-Key": true,
		"X-Site": false, "User-Agent": false, "Accept": false, "X-Dragonfly-Registry": false,
	} {
		if got := Credential(name); got != want {
			t.Errorf("Credential(%q) = %v", name, got)
		}
	}
}

// The upstream may be named in many ways; it is never https://docker.io.
func TestInlineURL(t *testing.T) {
	for host, want := range map[string]string{
		"docker.io": "https://registry-1.docker.io", "quay.io": "https://quay.io", "localhost:32000": "http://localhost:32000",
		"127.0.0.1": "http://127.0.0.1", "[::1]:5000": "http://[::1]:5000", "localhost.example": "https://localhost.example",
	} {
		if got := defaultURL(host); got != want {
			t.Errorf("defaultURL(%q) = %q, want %q", host, got, want)
		}
	}
}

// FuzzRoads lays roads for a spec drawn from bytes and looks at what must hold for all of them.
func FuzzRoads(f *testing.F) {
	f.Add([]byte("0123456789"), "m.example/v2/x", true)
	f.Add([]byte{255, 3, 7, 1, 90, 22, 13, 4}, "/../\u00fc\"]", false)
	f.Fuzz(func(t *testing.T, draw []byte, tail string, fallback bool) {
		next := func(n int) int {
			if len(draw) == 0 {
				return 0
			}
			v := int(draw[0]) % n
			draw = draw[1:]
			return v
		}
		hosts := []string{"docker.io", "r.example", "r.example:5000", "localhost:32000", "h:443"}
		urls := []string{"https://m.example", "http://m.example/v2/p", "https://r.example:5000", "https://h", "http://localhost:32000", "https://registry-1.docker.io", "https://" + tail, "http://m.example/" + tail}
		s := &spec.Spec{}
		for _, h := range hosts {
			if next(2) == 0 {
				s.Registries = append(s.Registries, spec.Registry{Host: h, Server: []string{"", "", urls[next(len(urls))]}[next(3)]})
			}
		}
		for _, h := range append(hosts, "*") {
			if next(3) == 0 {
				m := mirrors(h, fallback == (next(2) == 0))
				for range next(4) {
					m.Endpoints = append(m.Endpoints, spec.Endpoint{URL: urls[next(len(urls))]})
				}
				s.Mirrors = append(s.Mirrors, m)
			}
		}
		for _, h := range hosts {
			if next(3) == 0 {
				s.Insecure = append(s.Insecure, spec.Insecure{Value: []string{"", "https://"}[next(2)] + h})
			}
		}
		in := Inputs{Layout: Layout{Runtime: Containerd, CertsDir: "/c"}, Containerd: Version{2, 2, 0}}
		roads, _, problems := roadsOf(s, in, RegistryConfig{Syntax: 2})
		if len(problems) > 0 {
			t.Fatalf("problems %v", problems[0])
		}
		seen := map[string]bool{}
		for i := range roads {
			r := &roads[i]
			if seen[r.Host] {
				t.Errorf("two roads of %s", r.Host)
			}
			seen[r.Host] = true
			if r.Server == nil && r.Host != spec.AnyRegistry {
				t.Errorf("%s has no server", r.Host)
			}
			asks := r.Asks()
			if len(asks) == 0 {
				t.Errorf("%s asks nobody", r.Host)
			}
			names := map[string]bool{}
			for _, e := range r.Mirrors {
				if names[e.URL] {
					t.Errorf("%s: two tables of %s", r.Host, e.URL)
				}
				names[e.URL] = true
			}
			for _, e := range asks {
				if strings.HasSuffix(e.URL, "/") && !strings.HasSuffix(e.URL, "//") || strings.HasPrefix(e.URL, "https://docker.io") && e.Authority() == "docker.io" {
					t.Errorf("%s: asks %s", r.Host, e.URL)
				}
			}
			var parsed map[string]any
			if err := toml.Unmarshal(hostsTOML(r), &parsed); err != nil {
				t.Errorf("%s: %v", r.Host, err)
			}
		}
		for _, m := range s.Mirrors {
			if m.Fallback || len(m.Endpoints) == 0 {
				continue
			}
			i := slices.IndexFunc(roads, func(r Road) bool { return r.Host == m.Registry })
			if n := len(roads[i].Asks()); n > len(m.Endpoints) {
				t.Errorf("%s: %d are asked of %d endpoints, without fallback", m.Registry, n, len(m.Endpoints))
			}
		}
	})
}
