package render

import (
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

var someRoads = []Road{{
	Host:    "docker.io",
	Mirrors: []Endpoint{{URL: "http://192.168.1.140:5280/v2/dockerhub", Root: true}, {URL: "https://m/p"}, {URL: "https://n:8443", SkipVerify: true}},
	Server:  &Endpoint{URL: "https://registry-1.docker.io", Upstream: true},
	From:    spec.Position{File: "regsync.yaml", Line: 3, Col: 5},
}}

func inputs(runtime Runtime, config string) Inputs {
	in := Inputs{Layout: Layout{Runtime: Containerd, CertsDir: "/etc/containerd/certs.d", ConfigPath: "/etc/containerd/certs.d", ConfigFile: "/etc/containerd/config.toml"}}
	if runtime == MicroK8s {
		in.Layout = Layout{
			Runtime: MicroK8s, CertsDir: "/var/snap/microk8s/current/args/certs.d", ConfigPath: "${SNAP_DATA}/args/certs.d",
			ConfigFile: "/var/snap/microk8s/current/args/containerd-template.toml",
		}
	}
	if config != "" {
		in.Config = []byte(config)
	}
	return in
}

func TestConfigResource(t *testing.T) {
	v := func(major, minor int) Version { return Version{major, minor, 1} }
	const newer = "version = 2\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d'\n"
	tests := []struct {
		name       string
		runtime    Runtime
		config     string
		containerd Version
		body, why  string // body empty: no resource
		warnings   []string
	}{
		{"stock template", MicroK8s, onePath, v(1, 7), "", "", nil},
		{"the same path, expanded", MicroK8s, strings.Replace(onePath, "${SNAP_DATA}/args", "/var/snap/microk8s/current/args/", 1), v(1, 7), "", "", nil},
		{"a revision's path", MicroK8s, strings.Replace(onePath, "${SNAP_DATA}/args", "/var/snap/microk8s/8511/args", 1), v(1, 7), "${SNAP_DATA}/args/certs.d", "lost at its next refresh", nil},
		{"legacy template", MicroK8s, legacy, v(1, 7), "${SNAP_DATA}/args/certs.d", "inline mirrors", nil},
		{"both", MicroK8s, onePath + "[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'docker.io']\n", v(1, 7), "${SNAP_DATA}/args/certs.d", "does not load", nil},
		{"${SNAP_DATA} is not expanded elsewhere", Containerd, onePath, v(1, 7), "/etc/containerd/certs.d", "config_path is", []string{"no longer names ${SNAP_DATA}/args/certs.d"}},
		{"no config", Containerd, "", v(1, 6), "/etc/containerd/certs.d", "without a config", nil},
		{"no config, unknown version", Containerd, "", Version{}, "/etc/containerd/certs.d", "without a config", nil},
		{
			"colon list", Containerd, "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n", v(2, 2),
			"/etc/containerd/certs.d", "a list",
			[]string{"no longer names /etc/docker/certs.d"},
		},
		{"newer name in version 2, 2.x", Containerd, newer, v(2, 0), "", "", nil},
		{"newer name in version 2, 1.x", Containerd, newer, v(1, 7), "/etc/containerd/certs.d", "1.x does not read", nil},
		{
			"auth stays", Containerd, "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry.configs.h.auth]\nusername = 'u'\n", v(2, 1),
			"/etc/containerd/certs.d", "without config_path",
			[]string{"inline auth of h stays"},
		},
		{
			"tls ends", Containerd, "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry.configs]\nh.tls = {}\n'n:8443'.tls = {}\n", v(1, 7),
			"/etc/containerd/certs.d", "inline mirrors", nil,
		},
		{"version 1 with the path, unknown version", Containerd, "plugins.cri.registry.config_path = '/etc/containerd/certs.d/'", Version{}, "", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inputs(tt.runtime, tt.config)
			in.Containerd = tt.containerd
			r, warnings, ok, err := configResource(nil, in, someRoads)
			if err != nil {
				t.Fatal(err)
			}
			if ok != (tt.body != "") {
				t.Fatalf("resource: %v %s", ok, r.Why)
			}
			if want := "config_path = \"" + tt.body + "\"\n"; ok && string(r.Body) != want {
				t.Errorf("body %q, want %q", r.Body, want)
			}
			if !strings.Contains(r.Why, tt.why) {
				t.Errorf("why %q, want %q", r.Why, tt.why)
			}
			if len(warnings) != len(tt.warnings) {
				t.Fatalf("warnings %v, want %q", warnings, tt.warnings)
			}
			for i, w := range warnings {
				if !strings.Contains(w.Message, tt.warnings[i]) {
					t.Errorf("warning %q, want %q", w.Message, tt.warnings[i])
				}
			}
		})
	}
}

func TestConfigResourceRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   Inputs
		want string
	}{
		{"no template", inputs(MicroK8s, ""), "/var/snap/microk8s/current/args/containerd-template.toml: MicroK8s' template"},
		{"broken", inputs(Containerd, "version = 2\nroot = “/x”\n"), "/etc/containerd/config.toml:2:8: typographic quote “"},
		{"version 1 on 2.x", func() Inputs {
			in := inputs(Containerd, "[plugins.cri]\n")
			in.Containerd = Version{2, 2, 9}
			return in
		}(), "/etc/containerd/config.toml:1:1: config in version-1 syntax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, ok, err := configResource(nil, tt.in, someRoads)
			if ok || err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, %v", ok, err)
			}
		})
	}
	if _, _, ok, err := configResource(nil, inputs(Containerd, "“"), nil); ok || err != nil {
		t.Errorf("without roads: %v, %v", ok, err)
	}
}

func TestInlineMirrors(t *testing.T) {
	in := inputs(Containerd, legacy)
	in.Containerd = Version{1, 4, 13}
	r, _, ok, err := configResource(nil, in, someRoads)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	want := `[mirrors."docker.io"]
endpoint = ["http://192.168.1.140:5280/v2/dockerhub", "https://m/p/v2", "https://n:8443", "https://registry-1.docker.io"]
[configs."n:8443".tls]
insecure_skip_verify = true
`
	if string(r.Body) != want {
		t.Errorf("got\n%s", r.Body)
	}
	next, err := r.Propose(in.Config)
	if err != nil {
		t.Fatal(err)
	}
	config, err := ParseConfig(next)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Mirrors) != 2 || len(config.Mirrors[0].Endpoints) != 4 || len(config.TLS) != 1 || !config.TLS[0].SkipVerify {
		t.Errorf("got %+v", config)
	}
	for _, road := range []Road{
		{Host: "h", Blocked: true},
		{Host: "h", Server: &Endpoint{URL: "https://h", CA: [][]byte{{1}}}},
		{Host: "h", Mirrors: []Endpoint{{URL: "https://h", Cert: []byte{1}}}},
		{Host: "h", Mirrors: []Endpoint{{URL: "https://h", Header: map[string][]string{"a": {"b"}}}}},
	} {
		if _, _, ok, err := configResource(nil, in, []Road{road}); ok || err == nil {
			t.Errorf("%+v: %v, %v", road, ok, err)
		}
	}
	only := []Road{{Host: "h", Mirrors: []Endpoint{{URL: "https://m"}}, Server: &Endpoint{URL: "https://n"}}}
	if _, warnings, ok, err := configResource(nil, in, only); !ok || err != nil || len(warnings) != 1 {
		t.Errorf("fallback: false: %v, %v, %v", warnings, ok, err)
	}
}

func TestUsesCertsD(t *testing.T) {
	tests := []struct {
		config     string
		containerd Version
		want       bool
	}{
		{"", Version{}, true},
		{"version = 2\n", Version{}, true},
		{"[plugins.cri]\n", Version{}, false},
		{"[plugins.cri.registry]\nconfig_path = '/x'\n", Version{}, true},
		{"[plugins.cri]\n", Version{1, 5, 0}, true},
		{"version = 2\n", Version{1, 4, 12}, false},
	}
	for _, tt := range tests {
		in := inputs(Containerd, tt.config)
		in.Containerd = tt.containerd
		if got := UsesCertsD(in); got != tt.want {
			t.Errorf("%q on %v: %v", tt.config, tt.containerd, got)
		}
	}
}
