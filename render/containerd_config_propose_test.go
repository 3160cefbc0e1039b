package render

import (
	"bytes"
	"strings"
	"testing"
)

const pathBody = "config_path = \"/certs.d\"\n"

// edits are configs before and after.
var edits = []struct{ name, live, body, want string }{
	{"absent", "", pathBody, `version = 2

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/certs.d"
`},
	{"only comments", "# mine\n", pathBody, `version = 2
# mine

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/certs.d"
`},
	{"template without path", template, "config_path = \"${SNAP_DATA}/args/certs.d\"\n", onePath},
	{"template with it", onePath, "config_path = \"${SNAP_DATA}/args/certs.d\"\n", onePath},
	{"legacy", legacy, "config_path = \"${SNAP_DATA}/args/certs.d\"\n", onePath},
	{"both", strings.Replace(legacy, ".registry]\n", ".registry]\n    config_path = \"${SNAP_DATA}/args/certs.d\"\n", 1), "config_path = \"${SNAP_DATA}/args/certs.d\"\n", onePath},
	{
		"colon list", "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\n   config_path = '/a:/b' # two\n", pathBody,
		"version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\n   config_path = \"/certs.d\" # two\n",
	},
	{"plugin table, then others", `version = 2
[plugins]
  [plugins.'io.containerd.grpc.v1.cri']
    enable_selinux = false
    [plugins.'io.containerd.grpc.v1.cri'.cni]
      bin_dir = "/b"
  [plugins.'io.containerd.internal.v1.opt']
    path = "/o"
`, pathBody, `version = 2
[plugins]
  [plugins.'io.containerd.grpc.v1.cri']
    enable_selinux = false
    [plugins.'io.containerd.grpc.v1.cri'.cni]
      bin_dir = "/b"

    [plugins.'io.containerd.grpc.v1.cri'.registry]
      config_path = "/certs.d"
  [plugins.'io.containerd.internal.v1.opt']
    path = "/o"
`},
	{
		"version 3", "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n", pathBody,
		"version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = \"/certs.d\"\n",
	},
	{"version 1", "[plugins.cri]\nsandbox_image = 'p'\n", pathBody, "[plugins.cri]\nsandbox_image = 'p'\n\n[plugins.cri.registry]\nconfig_path = \"/certs.d\"\n"},
	{
		"version 2, newer name only", "version = 2\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/a'\n", pathBody,
		"version = 2\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/a'\n\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/certs.d\"\n",
	},
	{"no line end at the end", "version = 3", pathBody, "version = 3\n\n[plugins.\"io.containerd.cri.v1.images\".registry]\n  config_path = \"/certs.d\"\n"},
	{
		"CRLF", "version = 2\r\n[plugins.\"io.containerd.grpc.v1.cri\"]\r\n  [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.h]\r\n  endpoint = [\r\n    'http://m',\r\n  ]\r\n", pathBody,
		"version = 2\r\n[plugins.\"io.containerd.grpc.v1.cri\"]\r\n\r\n  [plugins.\"io.containerd.grpc.v1.cri\".registry]\r\n    config_path = \"/certs.d\"\r\n",
	},
	{
		"byte order mark", "\ufeffversion = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = ''\n", pathBody,
		"\ufeffversion = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/certs.d\"\n",
	},
	{
		"dotted keys", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  registry.headers.X = ['y']\n  registry.mirrors.h.endpoint = ['http://m']\n  cni.bin_dir = '/b'\n", pathBody,
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  registry.headers.X = ['y']\n  registry.config_path = \"/certs.d\"\n  cni.bin_dir = '/b'\n",
	},
	{
		"inline registry", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nregistry = { mirrors = { h = { endpoint = ['a,}', \"b\"] } }, headers = {} } # r\n", pathBody,
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nregistry = { headers = {}, config_path = \"/certs.d\" } # r\n",
	},
	{
		"inline registry, mirrors last", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nregistry = { config_path = '', mirrors = { h = {} } }\n", pathBody,
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\nregistry = { config_path = \"/certs.d\" }\n",
	},
	{
		"empty inline registry", "version = 2\nplugins = { \"io.containerd.grpc.v1.cri\" = {} }\n", pathBody,
		"version = 2\nplugins = { \"io.containerd.grpc.v1.cri\" = { registry = { config_path = \"/certs.d\" } } }\n",
	},
	{
		"inline mirrors", "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  mirrors = { h = { endpoint = ['http://m'] } }\n  # keep\n  headers = { }\n", pathBody,
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"/certs.d\"\n  # keep\n  headers = { }\n",
	},
	{"tls goes, auth stays", `version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  [plugins."io.containerd.grpc.v1.cri".registry.configs]
    [plugins."io.containerd.grpc.v1.cri".registry.configs.h.tls]
      ca_file = "/ca"
    [plugins."io.containerd.grpc.v1.cri".registry.configs.h.auth]
      username = "u" # foreign
    [plugins."io.containerd.grpc.v1.cri".registry.configs.g.tls]
      # not verified
      insecure_skip_verify = true
[grpc]
  uid = 0
`, pathBody, `version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/certs.d"
  [plugins."io.containerd.grpc.v1.cri".registry.configs]
    [plugins."io.containerd.grpc.v1.cri".registry.configs.h.auth]
      username = "u" # foreign
[grpc]
  uid = 0
`},
	{"odd order", `version = 2
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."a"]
endpoint = ["http://a"]
[grpc]
uid = 0
[plugins."io.containerd.grpc.v1.cri".registry]
# the path stands below
[metrics]
address = ""
[plugins."io.containerd.grpc.v1.cri".registry.mirrors]
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."b"]
endpoint = ["http://b"]
`, pathBody, `version = 2
[grpc]
uid = 0
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/certs.d"
# the path stands below
[metrics]
address = ""
`},
	{"comments of others stay", `version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
# about nothing below
[plugins."io.containerd.grpc.v1.cri".registry.mirrors.a]
  # about the endpoint
  endpoint = ["http://a"] # and this

# about grpc
[grpc]
`, pathBody, `version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/certs.d"
# about nothing below

# about grpc
[grpc]
`},
	{
		"inline mirrors wanted", legacy, "[mirrors.\"docker.io\"]\nendpoint = [\"http://m\"]\n[mirrors.\"*\"]\nendpoint = [\"http://n\"]\n",
		strings.Replace(legacy, `["https://registry-1.docker.io", ]`, `["http://m"]`, 1) + `
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]
        endpoint = ["http://n"]
`,
	},
}

func TestProposeTOML(t *testing.T) {
	for _, tt := range edits {
		t.Run(tt.name, func(t *testing.T) {
			live, body := []byte(tt.live), []byte(tt.body)
			got, err := proposeTOML(live, body)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Fatalf("got\n%s\nwant\n%s", got, tt.want)
			}
			again, err := proposeTOML(got, body)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("proposed again: %v\n%s", err, again)
			}
			if back, err := withdrawTOML(got, live, body); err != nil || !bytes.Equal(back, live) {
				t.Errorf("withdrawn: %v\n%s", err, back)
			}
			if why, broken := Breaks(got); broken {
				t.Errorf("does not load: %s", why)
			}
		})
	}
}

func TestProposeInlineBesidePath(t *testing.T) {
	_, err := proposeTOML([]byte(onePath), []byte("[mirrors.h]\nendpoint = ['http://m']\n"))
	if err == nil || !strings.Contains(err.Error(), "config_path is set") {
		t.Errorf("got %v", err)
	}
}

func TestWithdrawTOML(t *testing.T) {
	const other = "[debug]\n  level = \"debug\"\n"
	path := "config_path = \"${SNAP_DATA}/args/certs.d\"\n"
	tests := []struct{ name, before, body, live, want string }{
		{"another table came", template, path, onePath + other, template + other},
		{"path put elsewhere by others", template, path, template + "    config_path = '/theirs'\n", template + "    config_path = '/theirs'\n"},
		{"path taken out by others", template, path, template + other, template + other},
		{
			"earlier path comes back", strings.Replace(onePath, "${SNAP_DATA}/args", "/var/snap/microk8s/8511/args", 1), path, onePath + other,
			strings.Replace(onePath, "${SNAP_DATA}/args", "/var/snap/microk8s/8511/args", 1) + other,
		},
		{"mirrors come back", legacy, path, onePath + other, template + `
    [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
      endpoint = ["https://registry-1.docker.io", ]

    [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:32000"]
      endpoint = ["http://localhost:32000"]
` + other},
		{"ours was both: stays repaired", strings.Replace(legacy, ".registry]\n", ".registry]\n    config_path = '/x'\n", 1), path, onePath + other, onePath + other},
		{"table was ours too", "version = 2\n[grpc]\nuid = 0\n", pathBody, "version = 2\n[grpc]\nuid = 0\n\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/certs.d\"\n" + other, "version = 2\n[grpc]\nuid = 0\n\n" + other},
		{
			"one inline mirror was ours", legacy, "[mirrors.\"docker.io\"]\nendpoint = [\"http://m\"]\n[mirrors.\"*\"]\nendpoint = [\"http://n\"]\n",
			strings.Replace(legacy, `["https://registry-1.docker.io", ]`, `["http://m"]`, 1) + `
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]
        endpoint = ["http://n"]
` + other, legacy + "\n" + other,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := withdrawTOML([]byte(tt.live), []byte(tt.before), []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestWithdrawAbsentTOML(t *testing.T) {
	made, err := proposeTOML(nil, []byte(pathBody))
	if err != nil {
		t.Fatal(err)
	}
	if back, err := withdrawTOML(made, nil, []byte(pathBody)); err != nil || back != nil {
		t.Errorf("got %q, %v", back, err)
	}
	commented := append([]byte("# theirs\n"), made...)
	if back, err := withdrawTOML(commented, nil, []byte(pathBody)); err != nil || string(back) != "# theirs\nversion = 2\n" {
		t.Errorf("got %q, %v", back, err)
	}
}

func FuzzProposeTOML(f *testing.F) {
	for _, tt := range edits {
		f.Add([]byte(tt.live), tt.body != pathBody)
	}
	f.Fuzz(checkPropose)
}

// fragments are lines that fuzzing puts together.
var fragments = []string{
	"", "# a comment", "  # another", "version = 2", "version = 3", "disabled_plugins = ['x']", "[grpc]", "uid = 0 # root", "[plugins]", "[[list]]", "x = [\n 1, # one\n '''\n#'''\n]",
	"  [plugins.'io.containerd.grpc.v1.cri']", `[plugins."io.containerd.grpc.v1.cri".registry]`, `    [plugins."io.containerd.grpc.v1.cri".registry.mirrors]`,
	`[plugins."io.containerd.grpc.v1.cri".registry.mirrors.h]`, `[plugins."io.containerd.grpc.v1.cri".registry.mirrors."g:1"]`,
	`  [plugins."io.containerd.grpc.v1.cri".registry.configs]`, `[plugins."io.containerd.grpc.v1.cri".registry.configs.h]`,
	`[plugins."io.containerd.grpc.v1.cri".registry.configs.h.tls]`, `[plugins."io.containerd.grpc.v1.cri".registry.configs.h.auth]`,
	`[plugins."io.containerd.cri.v1.images".registry]`, `[plugins."io.containerd.cri.v1.images".registry.mirrors.h]`, `[plugins.cri.registry]`, `[plugins.cri.registry.mirrors.h]`,
	"endpoint = ['http://m']", "  ca_file = \"/ca\"", "username = 'u'", "config_path = '/a'", "config_path = '/a:/b' # two", "headers = { X = ['y'] }",
	"registry.config_path = '/d'", "registry.mirrors.h.endpoint = ['http://m']", "mirrors.h.endpoint = []", "mirrors = { h = { endpoint = ['}'] }, g = {} }",
	"registry = { mirrors = { h = {} }, config_path = '' }", "registry = {}", "configs = { h = { tls = { ca_file = '/c' }, auth = {} }, g = { tls = {} } }",
	"configs.h = { tls = {} }", "cri = { registry = { configs = { h = { auth = {} } } } }", `"io.containerd.grpc.v1.cri".registry.configs.h.tls.key_file = '/k'`,
}

func FuzzProposeFragments(f *testing.F) {
	f.Add([]byte{3, 8, 12, 14, 24, 1, 18, 25}, byte(0))
	f.Add([]byte{3, 12, 33, 1, 36, 6, 7}, byte(1))
	f.Add([]byte{3, 11, 34, 2, 9, 10}, byte(3))
	f.Fuzz(func(t *testing.T, picks []byte, form byte) {
		eol := "\n"
		if form&2 != 0 {
			eol = "\r\n"
		}
		var lines []string
		for _, pick := range picks {
			lines = append(lines, strings.ReplaceAll(fragments[int(pick)%len(fragments)], "\n", eol))
		}
		live := strings.Join(lines, eol)
		if form&4 != 0 {
			live += eol
		}
		checkPropose(t, []byte(live), form&1 != 0)
	})
}

// checkPropose holds an edit of any file to what all edits promise.
func checkPropose(t *testing.T, live []byte, inline bool) {
	body := []byte(pathBody)
	if inline {
		body = []byte("[mirrors.h]\nendpoint = ['http://m']\n[configs.h.tls]\ninsecure_skip_verify = true\n")
	}
	got, err := proposeTOML(live, body)
	if err != nil {
		return
	}
	if again, err := proposeTOML(got, body); err != nil || !bytes.Equal(again, got) {
		t.Fatalf("proposed again: %v\n%s\n%s", err, got, again)
	}
	if back, err := withdrawTOML(got, live, body); err != nil || !bytes.Equal(back, live) {
		t.Fatalf("withdrawn: %v\n%q\n%q", err, back, live)
	}
	if _, broken := Breaks(live); !broken {
		if why, broken := Breaks(got); broken {
			t.Fatalf("breaks: %s\n%s", why, got)
		}
	}
	was, now := mustParse(t, live), mustParse(t, got)
	if got, _ := now.get(append(now.registryPath(), "config_path")...); !inline && got != "/certs.d" {
		t.Fatalf("config_path is %s", got)
	}
	checkForeign(t, was, now)

	drifted := append(bytes.Clone(got), "\n[drifted]\nby = 'others'\n"...)
	if _, err := parseDocument(drifted); err != nil {
		return
	}
	back, err := withdrawTOML(drifted, live, body)
	if err != nil {
		t.Fatalf("withdrawn from\n%s\nbefore\n%s\n: %v", drifted, live, err)
	}
	without := mustParse(t, back)
	delete(without.tree, "drifted")
	checkForeign(t, mustParse(t, live), without)
}

// checkForeign demands that outside the registry table nothing has changed, in meaning, wording and order.
func checkForeign(t *testing.T, was, now *document) {
	t.Helper()
	rest := now.data
	for _, line := range foreignLines(was) {
		at := bytes.Index(rest, line)
		if at < 0 {
			t.Fatalf("lost %q\n%s\n%s", line, was.data, now.data)
		}
		rest = rest[at+len(line):]
	}
	registry := now.registryPath()
	for _, d := range []*document{was, now} {
		for _, key := range []string{"mirrors", "configs", "config_path"} {
			prune(d.tree, append(registry, key))
		}
		for n := 3; n > 0; n-- {
			dropEmpty(d.tree, registry[:n])
		}
		delete(d.tree, "version")
	}
	if !equalTOML(was.tree, now.tree) {
		t.Fatalf("something else has changed\n%s\n%s", was.data, now.data)
	}
}

// foreignLines gives the keys and headers outside the registry table, as they are written.
func foreignLines(d *document) [][]byte {
	var lines [][]byte
	for _, e := range d.entries {
		if e.within < 0 && !hasPrefix(d.registryPath(), e.path) && !hasPrefix(e.path, d.registryPath()) {
			lines = append(lines, d.data[e.start:e.end])
		}
	}
	return lines
}

func mustParse(t *testing.T, data []byte) *document {
	t.Helper()
	d, err := parseDocument(data)
	if err != nil {
		t.Fatalf("parsing %q: %v", data, err)
	}
	return d
}

func FuzzParseConfig(f *testing.F) {
	for _, tt := range edits {
		f.Add([]byte(tt.live))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ParseConfig(data)
		Breaks(data)
	})
}

func BenchmarkProposeTOML(b *testing.B) {
	for b.Loop() {
		if _, err := proposeTOML([]byte(legacy), []byte(pathBody)); err != nil {
			b.Fatal(err)
		}
	}
}
