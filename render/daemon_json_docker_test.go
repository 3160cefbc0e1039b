package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/spec"
)

func TestDockerResource(t *testing.T) {
	at := func(line int) spec.Position { return spec.Position{File: "f.yaml", Line: line, Col: 5} }
	insecure := func(values ...string) *spec.Spec {
		s := &spec.Spec{}
		for i, v := range values {
			s.Insecure = append(s.Insecure, spec.Insecure{Value: v, Pos: at(i + 1)})
		}
		return s
	}
	mirror := func(registry string, endpoints ...spec.Endpoint) *spec.Spec {
		for i := range endpoints {
			endpoints[i].Pos = at(i + 2)
		}
		return &spec.Spec{Mirrors: []spec.Mirror{{Registry: registry, Endpoints: endpoints, Fallback: true, Pos: at(1)}}}
	}
	for _, tt := range []struct {
		name     string
		spec     *spec.Spec
		body     string // empty: false
		warnings []string
	}{
		{"nothing", &spec.Spec{}, "", nil},
		{
			"insecure", insecure("192.168.1.140:5280", "https://10.0.0.9:8443", "10.20.0.0/16", "192.168.1.140:5280"),
			`{"insecure-registries":["192.168.1.140:5280","10.0.0.9:8443","10.20.0.0/16"]}`, nil,
		},
		{"loopback", insecure("localhost:32000", "localhost", "127.0.0.1:5000", "127.8.8.8", "[::1]:5000", "https://localhost:1", "127.0.0.0/8", "127.1.0.0/16", "::1/128"), "", nil},
		{"almost loopback", insecure("localhost.corp:5000", "126.0.0.0/7"), `{"insecure-registries":["localhost.corp:5000","126.0.0.0/7"]}`, nil},
		{
			"mirrors", mirror("docker.io", spec.Endpoint{URL: "http://a:5000"}, spec.Endpoint{URL: "https://b", Capabilities: []string{"pull", "resolve"}}),
			`{"registry-mirrors":["http://a:5000","https://b"]}`, nil,
		},
		{"mirror of everything", mirror("*", spec.Endpoint{URL: "http://a:5000"}), "", nil},
		{"mirror of another", mirror("ghcr.io", spec.Endpoint{URL: "http://a:5000"}), "", nil},
		{"no pull", mirror("docker.io", spec.Endpoint{URL: "http://a:5000", Capabilities: []string{"resolve"}}), "", nil},
		{
			"path", mirror("docker.io", spec.Endpoint{URL: "http://a:5000/v2/hub"}, spec.Endpoint{URL: "http://b"}),
			`{"registry-mirrors":["http://b"]}`,
			[]string{`f.yaml:2:5: mirrors[0].endpoints[0]: Docker takes no mirror with a path, and does not get "http://a:5000/v2/hub"`},
		},
		{"API root without more", mirror("docker.io", spec.Endpoint{URL: "http://a:5000/v2", OverridePath: spec.OverrideAuto}), `{"registry-mirrors":["http://a:5000"]}`, nil},
		{
			"API root that is none", mirror("docker.io", spec.Endpoint{URL: "http://a:5000/v2", OverridePath: spec.OverrideNo}), "",
			[]string{`f.yaml:2:5: mirrors[0].endpoints[0]: Docker takes no mirror with a path, and does not get "http://a:5000/v2"`},
		},
		{"what Docker is not told", mirror("docker.io", spec.Endpoint{
			URL: "https://a", TLS: spec.TLS{CA: []string{"ca.crt"}, Client: &spec.ClientCert{}}, Header: map[string][]string{"X": {"y"}}, Capabilities: []string{"pull"},
		}), `{"registry-mirrors":["https://a"]}`, []string{
			"f.yaml:2:5: mirrors[0].endpoints[0]: Docker is not told the ca of this mirror",
			"f.yaml:2:5: mirrors[0].endpoints[0]: Docker is not told the client certificate of this mirror",
			"f.yaml:2:5: mirrors[0].endpoints[0]: Docker sends no headers to a mirror",
			"f.yaml:2:5: mirrors[0].endpoints[0]: Docker asks this mirror for tags too",
		}},
		{
			"no fallback", &spec.Spec{Mirrors: []spec.Mirror{{Registry: "docker.io", Endpoints: []spec.Endpoint{{URL: "http://a"}}, Pos: at(1)}}},
			`{"registry-mirrors":["http://a"]}`,
			[]string{"f.yaml:1:5: mirrors[0].fallback: Docker asks Docker Hub itself where its mirrors do not answer; fallback: false holds for containerd alone"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, problems, ok := dockerResource(tt.spec, Inputs{Layout: Layout{DaemonJSON: "/etc/docker/daemon.json"}})
			if ok != (tt.body != "") || string(r.Body) != tt.body {
				t.Errorf("body %s, %v; want %s", r.Body, ok, tt.body)
			}
			if ok && (r.String() != "file /etc/docker/daemon.json" || r.Scope != JSONKeys || r.Effect != ReloadDocker || r.Mode != 0o644 || r.From != at(1) || r.Why == "") {
				t.Errorf("resource %+v", r)
			}
			var warnings []string
			for _, p := range problems {
				warnings = append(warnings, p.Error())
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if _, problems, ok := dockerResource(tt.spec, Inputs{}); ok || problems != nil {
				t.Errorf("Docker is not managed, but %v, %v", ok, problems)
			}
		})
	}
}
