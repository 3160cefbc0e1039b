package render

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/regsync/regsync/spec"
)

var update = flag.Bool("update", false, "write the goldens anew")

func mirrors(registry string, fallback bool, urls ...string) spec.Mirror {
	m := spec.Mirror{Registry: registry, Fallback: fallback, Pos: at(10)}
	for i, url := range urls {
		m.Endpoints = append(m.Endpoints, spec.Endpoint{URL: url, Pos: at(11 + i)})
	}
	return m
}

func insecure(values ...string) (all []spec.Insecure) {
	for i, v := range values {
		all = append(all, spec.Insecure{Value: v, Pos: at(30 + i)})
	}
	return all
}

func at(line int) spec.Position { return spec.Position{File: "regsync.yaml", Line: line, Col: 5} }

const (
	stockHub   = "server = \"https://docker.io\"\n\n[host.\"https://registry-1.docker.io\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
	stockAddon = "server = \"http://localhost:32000\"\n\n[host.\"http://localhost:32000\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
)

// Each golden below testdata/certs.d holds what one spec makes of certs.d: warnings, problems and files.
func TestCertsD(t *testing.T) {
	layout := Layout{
		Runtime: MicroK8s, CertsDir: "/certs.d", ConfigFile: "/args/containerd-template.toml",
		ConfigPath: "${SNAP_DATA}/args/certs.d",
	}
	snap := layout
	snap.CertsDir = "/var/snap/microk8s/current/args/certs.d"
	for _, test := range []struct {
		name   string
		spec   spec.Spec
		in     Inputs
		config RegistryConfig
	}{{
		name: "mirror",
		spec: spec.Spec{Mirrors: []spec.Mirror{mirrors("docker.io", true, "http://192.168.1.140:5280/v2/dockerhub", "https://mirror.corp")}},
		in:   Inputs{Dirs: map[string]Dir{"docker.io": {Hosts: []byte(stockHub)}}},
	}, {
		name: "no-fallback",
		spec: spec.Spec{Mirrors: []spec.Mirror{mirrors("quay.io", false, "https://a.example/quay", "https://b.example/v2/quay"), mirrors("*", false, "https://a.example")}},
	}, {
		name: "registry",
		spec: spec.Spec{Registries: []spec.Registry{
			{
				Host: "harbor.corp:8443", Pos: at(3), DialTimeout: spec.Duration(3 * time.Second), Header: map[string][]string{"X-Site": {"plant-7"}},
				TLS: spec.TLS{CA: []string{"/etc/ca.pem", "/etc/other.pem"}, Client: &spec.ClientCert{Cert: "/etc/cert.pem", Key: "/etc/key.pem"}},
			},
			{Host: "myprojectname.io", Server: "http://192.168.1.140:5280", Pos: at(4)},
			{Host: "docker.io", Server: "https://docker.io", Pos: at(5)},
		}},
	}, {
		name: "blocked",
		spec: spec.Spec{Registries: []spec.Registry{{Host: "ghcr.io", Blocked: true, Pos: at(3)}, {Host: "docker.io", Blocked: true, Pos: at(4)}}},
	}, {
		name: "insecure",
		spec: spec.Spec{
			Registries: []spec.Registry{{Host: "plain.lab:5000", Pos: at(3)}},
			Insecure:   insecure("localhost:32000", "https://10.0.0.9:8443", "10.20.0.0/16", "plain.lab:5000", "https://m.example"),
			Mirrors:    []spec.Mirror{mirrors("quay.io", true, "https://m.example:443/quay")},
		},
		in: Inputs{Dirs: map[string]Dir{"localhost:32000": {Hosts: []byte(stockAddon)}}},
	}, {
		name: "any",
		spec: spec.Spec{
			Registries: []spec.Registry{{Host: "m.example:8443", TLS: spec.TLS{CA: []string{"/etc/ca.pem"}}, Pos: at(3)}},
			Mirrors: []spec.Mirror{
				mirrors("*", true, "https://m.example:8443", "http://cache.lab:5000"), mirrors("registry.k8s.io", true),
			},
			Insecure: insecure("cache.lab:5000"),
		},
		in: Inputs{Dirs: map[string]Dir{
			"docker.io": {Hosts: []byte(strings.ReplaceAll(stockHub, "\n", "\r\n"))}, "localhost:32000": {Hosts: []byte(stockAddon)},
			"quay.io": {}, "cache.lab_5000_": {Hosts: []byte("server = \"http://x\"\n")}, "cache.lab:5000": {},
		}},
	}, {
		name: "named",
		spec: spec.Spec{
			Registries: []spec.Registry{{Host: "r.example", TLS: spec.TLS{CA: []string{"/etc/ca.pem"}}, Pos: at(3)}},
			Mirrors: []spec.Mirror{{Registry: "r.example", Fallback: true, Pos: at(10), Endpoints: []spec.Endpoint{
				{URL: "https://a.example", Pos: at(11), TLS: spec.TLS{CA: []string{"/certs.d/r.example/ca.pem", "/etc/ca.pem"}}},
				{URL: "https://b.example", Pos: at(12), TLS: spec.TLS{Client: &spec.ClientCert{Cert: "/etc/cert.pem", Key: "/etc/key.pem"}}},
			}}},
		},
		in: Inputs{Dirs: map[string]Dir{"r.example": {
			Files: []string{"ca.pem", "ca.txt"},
			Hosts: []byte("[host.\"https://a.example\"]\nca = [\"ca.pem\", \"ca.txt\"]\n[host.\"https://b.example\"]\nclient = [[\"/etc/cert.pem\", \"/etc/key.pem\"]]\n"),
		}}},
	}, {
		name: "on-1.5",
		spec: spec.Spec{Mirrors: []spec.Mirror{mirrors("*", true, "https://m.example"), mirrors("quay.io", true, "https://m.example/v2/quay", "https://m.example/x/v2")}},
		in:   Inputs{Containerd: Version{1, 5, 13}},
	}, {
		name: "foreign-default",
		spec: spec.Spec{Mirrors: []spec.Mirror{mirrors("quay.io", true, "https://m.example")}},
		in:   Inputs{Dirs: map[string]Dir{"_default": {Hosts: []byte("[host.\"http://p2p:30020\"]\n")}}},
	}, {
		name: "itself",
		spec: spec.Spec{
			Registries: []spec.Registry{{Host: "r.example", TLS: spec.TLS{CA: []string{"/etc/ca.pem"}}, Pos: at(3)}},
			Mirrors: []spec.Mirror{
				mirrors("r.example", true, "https://r.example", "https://m.example", "https://m.example/"),
				mirrors("docker.io", true, "https://registry-1.docker.io"),
			},
		},
	}, {
		name: "only-pull",
		spec: spec.Spec{Mirrors: []spec.Mirror{{Registry: "r.example", Fallback: true, Pos: at(10), Endpoints: []spec.Endpoint{
			{URL: "https://r.example", Capabilities: []string{"pull"}, Pos: at(11)},
		}}}},
	}, {
		name: "endpoint-keys",
		spec: spec.Spec{Mirrors: []spec.Mirror{{Registry: "r.example", Fallback: true, Pos: at(10), Endpoints: []spec.Endpoint{
			{URL: "https://a.example", Pos: at(11), TLS: spec.TLS{CA: []string{"/etc/ca.pem"}}, Header: map[string][]string{"Authorization": {"Basic eDp5"}, "X-B": {"\"1\"", "\\2\u00fc\U0001F600\x00"}}},
			{URL: "https://b.example", Pos: at(12), TLS: spec.TLS{CA: []string{"/etc/ca.pem"}, Client: &spec.ClientCert{Cert: "/etc/cert.pem", Key: "/etc/key.pem"}}},
			{URL: "https://c.example/x", OverridePath: spec.OverrideYes, Pos: at(13), DialTimeout: spec.Duration(90 * time.Second)},
			{URL: "https://d.example", OverridePath: spec.OverrideYes, Pos: at(14)},
			{URL: "https://e.example/v2/x", OverridePath: spec.OverrideNo, Pos: at(15)},
			{URL: "https://f.example/x/v2", OverridePath: spec.OverrideYes, Pos: at(16)},
			{URL: "https://g.example/x y/\"\u00fc\"", Pos: at(17)},
		}}}},
	}, {
		name: "dial-timeout-on-1.7",
		spec: spec.Spec{
			Registries: []spec.Registry{{Host: "s.example", DialTimeout: spec.Duration(time.Second), Pos: at(3)}},
			Mirrors: []spec.Mirror{{Registry: "r.example", Fallback: true, Pos: at(10), Endpoints: []spec.Endpoint{
				{URL: "https://a.example", DialTimeout: spec.Duration(time.Second), Pos: at(11)},
			}}},
		},
		in: Inputs{Containerd: Version{1, 7, 35}},
	}, {
		name: "docker-certificates",
		spec: spec.Spec{
			Registries: []spec.Registry{
				{Host: "a.example", Pos: at(3)},
				{Host: "b.example:5000", TLS: spec.TLS{CA: []string{"/etc/ca.pem"}}, Pos: at(4)},
				{Host: "c.example", Pos: at(5)},
				{Host: "d.example", Pos: at(6)},
				{Host: "e.example", Server: "http://e.example", Pos: at(7)},
			},
			Mirrors: []spec.Mirror{mirrors("d.example", false, "https://m.example")},
		},
		in: Inputs{Dirs: map[string]Dir{
			"a.example":       {Files: []string{"ca.crt", "client.cert", "client.key", "more.crt", "readme"}},
			"b.example_5000_": {Hosts: []byte("server = \u201chttps://x\u201d\n"), Files: []string{"ca.crt", "lone.cert"}},
			"c.example":       {Hosts: []byte("server = \"https://c.example\"\n"), Files: []string{"ca.crt"}},
			"d.example":       {Files: []string{"ca.crt"}},
			"e.example":       {Files: []string{"ca.crt"}},
		}},
	}, {
		name: "credentials-on-1.7",
		spec: spec.Spec{
			Registries: []spec.Registry{
				{Host: "r.example", Credentials: "one", Header: map[string][]string{"X-Site": {"7"}, "b": {"c"}}, Pos: at(3)},
				{Host: "docker.io", Credentials: "hub", Pos: at(4)},
				{Host: "localhost:32000", Server: "http://localhost:32000", Credentials: "one", Pos: at(5)},
				{Host: "held.example", Credentials: "gone", TLS: spec.TLS{CA: []string{"/etc/ca.pem"}}, Pos: at(6)},
				{Host: "forgotten.example", Credentials: "unresolved", Pos: at(7)},
			},
			Mirrors: []spec.Mirror{{Registry: "r.example", Fallback: true, Pos: at(10), Endpoints: []spec.Endpoint{
				{URL: "http://m.example:5000", Credentials: "two", Pos: at(11)},
				{URL: "https://r.example", Pos: at(12)},
			}}},
		},
		in: Inputs{Containerd: Version{1, 7, 35}, Credentials: map[string]Login{
			"registries[0].credentials":           {Username: "robot$edge", Password: NewSecret("p\u00e4ss:word")},
			"registries[1].credentials":           {Username: "u", Password: NewSecret("p")},
			"registries[2].credentials":           {Username: "robot$edge", Password: NewSecret("p\u00e4ss:word")},
			"registries[3].credentials":           {Problem: &spec.Problem{Position: at(20), Path: "credentials[2].password.file", Message: "is not there"}},
			"mirrors[0].endpoints[0].credentials": {Username: "u", Password: NewSecret("{\n}")},
			"mirrors[0].endpoints[1].credentials": {Username: "nobody", Password: NewSecret("asks")},
		}},
	}, {
		name: "bad-files",
		spec: spec.Spec{Registries: []spec.Registry{
			{Host: "a.example", TLS: spec.TLS{CA: []string{"/etc/none.pem", "/etc/text", "/etc/empty.pem"}}, Pos: at(3)},
			{Host: "b.example", TLS: spec.TLS{Client: &spec.ClientCert{Cert: "/etc/cert.pem", Key: "/etc/other-key.pem"}}, Pos: at(4)},
			{Host: "c.example", TLS: spec.TLS{Client: &spec.ClientCert{Cert: "/etc/key.pem", Key: "/etc/cert.pem"}}, Pos: at(5)},
			{Host: "d.example", TLS: spec.TLS{Client: &spec.ClientCert{Cert: "/etc/cert.pem", Key: "/etc/text"}}, Pos: at(6)},
			{Host: "../e", Pos: at(7)},
		}, Mirrors: []spec.Mirror{mirrors("f.example", true, "http://[::1]:5000")}},
	}, {
		name: "plain-http-with-ca",
		spec: spec.Spec{Registries: []spec.Registry{{Host: "a.example", Server: "http://a.example", TLS: spec.TLS{CA: []string{"/etc/ca.pem"}}, Pos: at(3)}}},
	}, {
		name: "ipv6-on-2.2",
		spec: spec.Spec{Mirrors: []spec.Mirror{mirrors("f.example", true, "http://[::1]:5000")}},
		in:   Inputs{Containerd: Version{2, 2, 9}},
	}, {
		name: "legacy",
		spec: spec.Spec{Registries: []spec.Registry{{Host: "s.example", Pos: at(3)}}, Mirrors: []spec.Mirror{mirrors("quay.io", true, "https://m.example")}},
		in:   Inputs{Layout: snap, Dirs: map[string]Dir{"docker.io": {Hosts: []byte(stockHub)}, "old.example": {}}},
		config: RegistryConfig{State: ConfigLegacy, Syntax: 2, Mirrors: []InlineMirror{
			{"docker.io", []string{"http://cache.lab:5000/hub", "https://registry-1.docker.io"}},
			{"localhost:32000", []string{"http://localhost:32000"}},
			{"quay.io", []string{"http://old.lab"}},
			{"*", []string{"cache.lab:5000", "http://[::1]:5000"}},
		}, TLS: []InlineTLS{
			{Host: "harbor.corp:8443", CAFile: "${SNAP_DATA}/certs/harbor.crt", CertFile: "/etc/c.cert", KeyFile: "/etc/c.key"},
			{Host: "cache.lab:5000", SkipVerify: true, CAFile: "relative.crt"},
		}},
	}, {
		name: "both",
		spec: spec.Spec{Registries: []spec.Registry{{Host: "s.example", Pos: at(3)}}},
		in:   Inputs{Dirs: map[string]Dir{"docker.io": {Hosts: []byte(stockHub)}, "localhost:32000": {Hosts: []byte(stockAddon)}}},
		config: RegistryConfig{State: ConfigBoth, Syntax: 2, Mirrors: []InlineMirror{
			{"docker.io", []string{"http://cache.lab:5000"}}, {"ghcr.io", []string{"http://cache.lab:5000"}},
		}},
	}, {
		name: "neither",
		spec: spec.Spec{Registries: []spec.Registry{{Host: "s.example", Pos: at(3)}}},
		in:   Inputs{Dirs: map[string]Dir{"docker.io": {Hosts: []byte(stockHub)}, "old.example": {}, "_backup": {}}},
	}, {
		name: "insecure-port-80",
		spec: spec.Spec{Registries: []spec.Registry{{Host: "r.example", Pos: at(3)}}, Insecure: insecure("r.example:80")},
	}, {
		name:   "one-path",
		spec:   spec.Spec{Registries: []spec.Registry{{Host: "s.example", Pos: at(3)}}},
		config: RegistryConfig{State: ConfigOnePath, Syntax: 2, Mirrors: []InlineMirror{{"docker.io", []string{"http://cache.lab:5000"}}}},
	}} {
		t.Run(test.name, func(t *testing.T) {
			if test.in.Layout.CertsDir == "" {
				test.in.Layout = layout
			}
			if test.config.State == ConfigNeither && test.name != "neither" {
				test.config.State = ConfigOnePath
			}
			test.in.Files = pems(t)
			roads, warnings, problems := roadsOf(&test.spec, test.in, test.config)
			resources, held, more, refused := certsD(roads, test.in)

			got := &txtar.Archive{}
			add := func(name string, text string) {
				if text != "" {
					got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(text)})
				}
			}
			add("warnings", list(append(warnings, more...)))
			add("problems", list(append(problems, refused...)))
			for _, h := range held {
				add("held "+h.Name, h.Problem.Error()+"\n")
			}
			for _, r := range resources {
				asks := ""
				for _, e := range r.Asks {
					asks += fmt.Sprintf("asks %s %s\n", e.API(), strings.Join(e.Capabilities, ","))
				}
				body := string(r.Body)
				if path.Base(r.Name) != "hosts.toml" {
					body = strings.SplitAfter(body, "\n")[0]
				}
				add(fmt.Sprintf("%s %04o %s", strings.TrimPrefix(r.Name, test.in.Layout.CertsDir), r.Mode, kept(r)), body)
				add("asks", asks)
			}
			golden(t, filepath.Join("testdata", "certs.d", test.name+".txtar"), txtar.Format(got))
		})
	}
}

func kept(r Resource) string {
	if r.Sensitive {
		return "sensitive"
	}
	return "shown"
}

func list(problems []*spec.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.Error() + "\n")
		if p.Hint != "" {
			b.WriteString("\t" + p.Hint + "\n")
		}
	}
	return b.String()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(name, want, "rendered", got); d != nil {
		t.Errorf("%s", d)
	}
}

func FuzzHostsTOML(f *testing.F) {
	f.Add("https://s.example/x", "http://m.example:5000", "X-Site", "plant-7", "mirrors of s.example")
	f.Add("https://s.example/v2/\u00fc", "https://m.example/\"]", "\x00\"\\\n", "\u007f\xff", "a\nserver = \"x\"")
	f.Fuzz(func(t *testing.T, server, mirror, name, value, why string) {
		server, mirror = location(server), location(mirror)
		header := map[string][]string{name: {value, ""}}
		up := Endpoint{URL: server, Capabilities: upstreamCapabilities, Header: header, SkipVerify: true}
		r := Road{Host: "h", Server: &up, Why: why, Mirrors: []Endpoint{
			{URL: mirror, Capabilities: []string{"pull"}, Header: header, Root: true},
		}}
		body := hostsTOML(&r)
		for _, b := range body {
			if b >= 0x7f || b < ' ' && b != '\n' {
				t.Fatalf("byte %#x in\n%s", b, body)
			}
		}
		type host struct {
			Capabilities []string
			Header       map[string][]string
			SkipVerify   bool `toml:"skip_verify"`
			OverridePath bool `toml:"override_path"`
		}
		var got struct {
			Server     string
			SkipVerify bool `toml:"skip_verify"`
			Header     map[string][]string
			Host       map[string]host
		}
		if err := toml.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		one := func(s string) string { // as many U+FFFD as there are bad bytes
			return string([]rune(s))
		}
		if got.Server != one(server) {
			t.Errorf("server %q, want %q", got.Server, server)
		}
		m, ok := got.Host[one(mirror)]
		if !ok || len(got.Host) != 1 || len(m.Capabilities) != 1 || m.SkipVerify {
			t.Errorf("hosts %v, want %q", got.Host, mirror)
		}
		if v := got.Header[one(name)]; len(v) != 2 || valid(v[0]) != one(value) {
			t.Errorf("header %q, want %q", got.Header, header)
		}
		if got.SkipVerify == up.Plain() {
			t.Errorf("skip_verify %v at %q", got.SkipVerify, server)
		}
	})
}
