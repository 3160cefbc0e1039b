package convert_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/regsync/regsync/internal/convert"
)

// launch makes a launch configuration of one hosts.toml.
func launch(t testing.TB, host, hosts string) string {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"version": "0.2.0", "containerdRegistryConfigs": map[string]string{host: hosts}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// taken reports whether something of a converted file is not commented out.
func taken(yaml []byte) bool {
	return strings.Contains(string(yaml), "\n  - ")
}

var hostsFiles = []struct {
	name, host, text string
	left             bool
}{
	{"mirror", "docker.io", "server = \"https://docker.io\"\n[host.\"http://192.168.1.140:5280\"]\ncapabilities = [\"pull\", \"resolve\"]\n", false},
	{"stock", "localhost:32000", "server = \"http://localhost:32000\"\n\n[host.\"http://localhost:32000\"]\n  capabilities = [\"pull\", \"resolve\"]\n", false},
	{"server alone", "docker.io", "server = \"http://my.proxy:5000\"\n", false},
	{"default", "_default", "[host.\"https://cache.lab\"]\ncapabilities = [\"pull\", \"resolve\"]\n", false},
	{"default with a server", "_default", "server = \"https://cache.lab\"\ncapabilities = [\"pull\", \"resolve\"]\n[host]\n", false},
	{"paths", "r.lab", "[host.\"https://a.lab/v2/x\"]\noverride_path = true\n[host.\"https://b.lab/y\"]\n[host.'https://c.lab/z']\noverride_path = true\n[host.\"d.lab\"]\n", false},
	{"TLS", "r.lab", "server = \"https://r.lab\"\nca = \"ca.crt\"\n[host.\"https://a.lab\"]\nclient = [[\"ca.crt\", \"client.key\"]]\n[host.\"https://b.lab\"]\nskip_verify = true\n", false},
	{"headers", "r.lab", "[host.\"https://a.lab\"]\n[host.\"https://a.lab\".header]\nAuthorization = \"Basic bWU6Z2VoZWlt\"\nX-Site = [\"a\", \"b\"]\n", false},
	{"blocked", "r.lab", "server = \"https://r.lab\"\ncapabilities = [\"push\"]\n[host]\n", false},
	{"unknown key", "r.lab", "foo = 1\n[host.\"https://a.lab\"]\nbar = true\n", false},
	{"http with TLS keys", "r.lab", "[host.\"http://a.lab:5000\"]\nskip_verify = true\n", true},
	{"inline hosts", "r.lab", "host = {\"https://a.lab\" = {}}\n", true},
	{"dotted hosts", "r.lab", "host.\"https://a.lab\".capabilities = [\"pull\"]\n", true},
	{"header apart", "r.lab", "[host.\"https://a.lab\"]\n[host.\"https://b.lab\"]\n[host.\"https://a.lab\".header]\nX = \"1\"\n", true},
	{"unknown capability", "r.lab", "[host.\"https://a.lab\"]\ncapabilities = [\"fetch\"]\n", true},
	{"capital keys", "r.lab", "Server = \"https://b.lab\"\n[host.\"https://a.lab\"]\n", true},
	{"array of tables", "r.lab", "[[host.\"https://a.lab\"]]\n[[host.\"https://b.lab\"]]\n", true},
	{"typographic quotes", "r.lab", "server = “https://b.lab”\n", true},
	{"bearer", "r.lab", "[host.\"https://a.lab\"]\n[host.\"https://a.lab\".header]\nAuthorization = \"Bearer geheim\"\n", true},
	{"empty", "r.lab", "", false},
}

// TestHostsTOML compares whom containerd asks by the hosts.toml of a launch configuration with whom it asks by the converted file.
func TestHostsTOML(t *testing.T) {
	for _, test := range hostsFiles {
		t.Run(test.name, func(t *testing.T) {
			yaml := converted(t, "launch-config", launch(t, test.host, test.text))
			if test.left == taken(yaml) {
				t.Errorf("left is %v:\n%s", !test.left, yaml)
			}
			if !test.left {
				compare(t, test.host, test.text, yaml)
			}
		})
	}
}

// compare lets both majors read a hosts.toml and what was made of it.
func compare(t testing.TB, host, text string, yaml []byte) {
	t.Helper()
	cert, key := pair(t)
	dirs := map[string]map[string][]byte{host: {"hosts.toml": []byte(text), "ca.crt": cert, "client.key": key}}
	registry := host
	if host == "_default" {
		registry = "any.invalid"
	}
	if text == "" || strings.TrimSpace(text) == "" {
		delete(dirs, host)
	}
	for _, major := range []int{1, 2} {
		if diff := cmp.Diff(judged(t, dirs, registry, major), asked(t, yaml, registry, major)); diff != "" {
			t.Errorf("by %d.x (-before +after):\n%s\n%s\n%s", major, diff, text, yaml)
		}
	}
}

// FuzzHostsTOML: what is made of a hosts.toml either leaves it out or asks the same.
func FuzzHostsTOML(f *testing.F) {
	for _, test := range hostsFiles {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := yaml.Marshal(map[string]any{"version": "0.2.0", "containerdRegistryConfigs": map[string]string{"r.lab": text}})
		if err != nil {
			t.Skip(err)
		}
		d, err := convert.Convert("launch-config", "file", file)
		if err != nil {
			return
		}
		out, err := d.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if !taken(out) || strings.Contains(text, "/etc/") {
			return
		}
		compare(t, "r.lab", text, out)
	})
}

// TestKubespray compares with the hosts.toml that Kubespray's template gives: server, and a table for each mirror.
func TestKubespray(t *testing.T) {
	type mirror struct {
		host, caps     string
		skip, override bool
	}
	for _, test := range []struct {
		name, prefix, server string
		mirrors              []mirror
	}{
		{"hub", "docker.io", "", []mirror{{"https://mirror.lab", "pull,resolve", false, false}, {"https://registry-1.docker.io", "pull,resolve", false, false}}},
		{"server", "quay.io", "https://cache.lab:8443", []mirror{{"https://a.lab/v2/quay", "pull,resolve", false, true}, {"https://b.lab", "pull", true, false}}},
		{"itself", "r.lab:8443", "", []mirror{{"https://r.lab:8443", "pull,resolve", true, false}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			vars := "containerd_registries_mirrors:\n  - prefix: " + test.prefix + "\n"
			server := "https://" + test.prefix
			if test.server != "" {
				vars, server = vars+"    server: "+test.server+"\n", test.server
			}
			vars += "    mirrors:\n"
			hosts := fmt.Sprintf("server = %q\n\n", server)
			for _, m := range test.mirrors {
				vars += fmt.Sprintf("      - host: %s\n        capabilities: [%s]\n        skip_verify: %v\n        override_path: %v\n", m.host, m.caps, m.skip, m.override)
				hosts += fmt.Sprintf("[host.%q]\n  capabilities = [\"%s\"]\n  skip_verify = %v\n  override_path = %v\n\n", m.host, strings.ReplaceAll(m.caps, ",", "\",\""), m.skip, m.override)
			}
			out := converted(t, "kubespray", vars)
			compare(t, test.prefix, hosts, out)
		})
	}
}

// FuzzConvert: anything is an error, or a file that is valid.
func FuzzConvert(f *testing.F) {
	for i, format := range convert.Formats {
		for _, text := range map[string][]string{
			"k3s":             {"mirrors:\n  docker.io:\n    endpoint: [http://a:5000]\n    rewrite: {a: b}\nconfigs:\n  a:5000:\n    auth: {username: u, password: p}\n    tls: {insecure_skip_verify: true}\n"},
			"launch-config":   {"version: 0.2.0\naddons: [{name: registry, args: [--size=40Gi]}]\ncontainerdRegistryConfigs: {docker.io: 'server = \"http://a\"'}\n"},
			"registries.conf": {"unqualified-search-registries = [\"a\"]\n[[registry]]\nprefix = \"a.b\"\nlocation = \"c.d/e\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"m\"\n"},
			"docker":          {"{\"registry-mirrors\": [\"http://a\"], \"insecure-registries\": [\"b:5000\", \"10.0.0.0/8\"]}"},
			"kubespray":       {"containerd_registries_mirrors:\n- prefix: a.b\n  mirrors: [{host: http://c, capabilities: [pull], skip_verify: true}]\ncontainerd_registry_auth: [{registry: c, username: u, password: p}]\n"},
		}[format] {
			f.Add(uint8(i), []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, format uint8, data []byte) {
		d, err := convert.Convert(convert.Formats[int(format)%len(convert.Formats)], "file", data)
		if err != nil {
			if strings.Contains(err.Error(), "writing a file that regsync reads") {
				t.Fatal(err)
			}
			return
		}
		if _, err := d.YAML(); err != nil {
			t.Fatal(err)
		}
	})
}
