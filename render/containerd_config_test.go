package render

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// template has the form of MicroK8s' containerd-template.toml.
const template = `# containerd on this node
version = 2
oom_score = 0

[grpc]
  uid = 0
  gid = 0

# the CRI
[plugins."io.containerd.grpc.v1.cri"]

  stream_server_port = "0"
  sandbox_image = "registry.k8s.io/pause:3.10"

  # its runtimes
  [plugins."io.containerd.grpc.v1.cri".containerd]

    # what unpacks
    snapshotter = "${SNAPSHOTTER}"

   [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"

  # its networks
  [plugins."io.containerd.grpc.v1.cri".cni]
    # where the binaries are
    bin_dir = "${SNAP_DATA}/opt/cni/bin"

  # its registries
  [plugins."io.containerd.grpc.v1.cri".registry]
`

const onePath = template + `    config_path = "${SNAP_DATA}/args/certs.d"
`

const legacy = template + `
    # which mirror serves what
    [plugins."io.containerd.grpc.v1.cri".registry.mirrors]
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
        endpoint = ["https://registry-1.docker.io", ]
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:32000"]
        endpoint = ["http://localhost:32000"]
`

func TestParseConfig(t *testing.T) {
	tests := []struct {
		name, config string
		want         RegistryConfig
	}{
		{"template", onePath, RegistryConfig{State: ConfigOnePath, Syntax: 2, Plugin: pluginV2, Path: "${SNAP_DATA}/args/certs.d"}},
		{"legacy", legacy, RegistryConfig{State: ConfigLegacy, Syntax: 2, Plugin: pluginV2, Mirrors: []InlineMirror{
			{"docker.io", []string{"https://registry-1.docker.io"}}, {"localhost:32000", []string{"http://localhost:32000"}},
		}}},
		{"no table", "version = 2\n[grpc]\naddress = '/run/x.sock'\n", RegistryConfig{State: ConfigNeither, Syntax: 2, Plugin: pluginV2, Address: "/run/x.sock"}},
		{"empty", "", RegistryConfig{State: ConfigNeither, Syntax: 2, Plugin: pluginV2}},
		{"version 1", "root = '/r'\nstate = '/s'\nplugins.cri.registry.config_path = '/c'\n", RegistryConfig{State: ConfigOnePath, Syntax: 1, Plugin: pluginV1, Path: "/c", Root: "/r", StateDir: "/s"}},
		{"version 1, disabled", `disabled_plugins = ["cri"]`, RegistryConfig{State: ConfigNeither, Syntax: 1, Plugin: pluginV1, Disabled: true}},
		{"version 2, disabled", "version = 2\ndisabled_plugins = ['io.containerd.grpc.v1.cri']", RegistryConfig{State: ConfigNeither, Syntax: 2, Plugin: pluginV2, Disabled: true}},
		{
			"version 3", "version = 3\nimports = ['/etc/x']\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/a:/b'\n",
			RegistryConfig{State: ConfigColonList, Syntax: 3, Plugin: pluginV3, Path: "/a:/b", Imports: []string{"/etc/x"}},
		},
		{"version 3, older name", "version = 3\nplugins.'io.containerd.grpc.v1.cri'.registry.config_path = '/a'", RegistryConfig{State: ConfigNeither, Syntax: 3, Plugin: pluginV3}},
		{
			"version 2, newer name", "version = 2\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/a'\n",
			RegistryConfig{State: ConfigOnePath, Syntax: 2, Plugin: pluginV3, Path: "/a"},
		},
		{
			"inline tables", `version = 2
plugins = { "io.containerd.grpc.v1.cri" = { registry = { config_path = "/a", mirrors = { h = { endpoint = ["http://m"] } } } } }`,
			RegistryConfig{State: ConfigBoth, Syntax: 2, Plugin: pluginV2, Path: "/a", Mirrors: []InlineMirror{{"h", []string{"http://m"}}}},
		},
		{"tls and auth", `version = 2
[plugins."io.containerd.grpc.v1.cri".registry.configs."h:5000".tls]
ca_file = "/ca"
insecure_skip_verify = true
[plugins."io.containerd.grpc.v1.cri".registry.configs."g".auth]
username = "u"
`, RegistryConfig{State: ConfigLegacy, Syntax: 2, Plugin: pluginV2, TLS: []InlineTLS{{Host: "h:5000", CAFile: "/ca", SkipVerify: true}}, Auth: []string{"g"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseConfig([]byte(tt.config))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestParseConfigErrors(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"typographic quotes", "version = 2\nroot = “/var/lib”\n", "2:8: typographic quote “: TOML knows only \" and '"},
		{"typographic quotes in a header", "version = 2\n[plugins.“cri”]\n", "2:10: typographic quote “"},
		{"torn", "version = 2\nroot = \"/var", "2:8: "},
		{"table twice", "version = 2\n[a]\nb = [\n1,\n]\n[c]\n[a]\nx = 1\n[d]\n", "7:1: table a already exists"},
		{"key twice", "version = 2\nversion = 2\nroot = '/'\n", "2:1: key version is already defined"},
		{"registry is no table", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  registry = 1\n", "3:3: plugins.\"io.containerd.grpc.v1.cri\".registry is not a table"},
		{"registry is an array", "version = 3\n[[plugins.\"io.containerd.cri.v1.images\".registry]]\nconfig_path = ''\n", "2:1: plugins.\"io.containerd.cri.v1.images\".registry is not a table"},
		{"mirror is an array", "[[plugins.cri.registry.mirrors.h]]\nendpoint = []\n", "1:1: plugins.cri.registry.mirrors.h is not a table"},
		{"config_path is no string", "version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = []\n", "3:1: config_path is not a string"},
		{"version is no number", "version = 'two'\n", "1:1: version is not a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(tt.config))
			var e *ConfigError
			if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), tt.want) {
				t.Errorf("got %v\nwant %s…", err, tt.want)
			}
			if _, err := proposeTOML([]byte(tt.config), []byte("config_path = '/x'\n")); err == nil {
				t.Error("such a file was edited")
			}
		})
	}
}

func TestBreaks(t *testing.T) {
	tests := []struct {
		name, config string
		want         bool
	}{
		{"one path", onePath, false},
		{"legacy", legacy, false},
		{"mirrors beside config_path", strings.Replace(legacy, "\n    # which", "    config_path = '/c'\n    # which", 1), true},
		{"tls beside config_path", onePath + "[plugins.'io.containerd.grpc.v1.cri'.registry.configs.h.tls]\nca_file = '/ca'\n", true},
		{"auth beside config_path", onePath + "[plugins.'io.containerd.grpc.v1.cri'.registry.configs.h.auth]\nusername = 'u'\n", false},
		{"empty mirrors beside config_path", onePath + "[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors]\n", false},
		{"no TOML", "version = “2”", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if why, got := Breaks([]byte(tt.config)); got != tt.want {
				t.Errorf("got %v (%s)", got, why)
			}
		})
	}
}
