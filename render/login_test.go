package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

func TestBasic(t *testing.T) {
	// The example of RFC 7617, 2.
	if got := (Login{Username: "Aladdin", Password: NewSecret("open sesame")}).basic(); got != "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" {
		t.Errorf("basic gives %q", got)
	}
}

func TestGivesTokens(t *testing.T) {
	for host, want := range map[string]bool{
		"registry-1.docker.io": true, "registry-1.docker.io:443": true, "eu.gcr.io": true, "europe-docker.pkg.dev": true, "ghcr.io": true,
		"harbor.corp": false, "notgcr.io": false, "docker.io.corp": false, "123456789012.dkr.ecr.eu-west-1.amazonaws.com": false,
	} {
		if got := givesTokens(host); got != want {
			t.Errorf("givesTokens(%q) = %v", host, got)
		}
	}
}

func TestTokenWarning(t *testing.T) {
	s := &spec.Spec{Registries: []spec.Registry{{Host: "docker.io", Credentials: "hub", Pos: at(3)}, {Host: "harbor.corp", Credentials: "hub", Pos: at(4)}}}
	for version, want := range map[Version]int{{}: 0, {1, 6, 20}: 1, {1, 7, 35}: 1, {2, 0, 0}: 0, {2, 2, 9}: 0} {
		_, warnings, problems := roadsOf(s, Inputs{Containerd: version, Layout: Layout{CertsDir: "/certs.d", Runtime: Containerd}, Credentials: map[string]Login{
			"registries[0].credentials": {Username: "u", Password: NewSecret("p")},
			"registries[1].credentials": {Username: "u", Password: NewSecret("p")},
		}}, RegistryConfig{State: ConfigOnePath, Syntax: 2})
		if len(problems) > 0 || len(warnings) != want {
			t.Errorf("containerd %s: %d warnings, want %d\n%s%s", version, len(warnings), want, list(warnings), list(problems))
		}
	}
}

func TestRotated(t *testing.T) {
	road := func(one, two, url string) *Road {
		login := func(name, password string) Endpoint {
			return Endpoint{
				URL: "https://" + name + ".example", Capabilities: mirrorCapabilities, Credential: name,
				Header: map[string][]string{authorization: {Login{"u", NewSecret(password), nil}.basic()}},
			}
		}
		server := login("two", two)
		server.Upstream, server.Capabilities = true, upstreamCapabilities
		own := Endpoint{URL: url, Capabilities: mirrorCapabilities, Header: map[string][]string{authorization: {"Bearer " + url}}}
		return &Road{Host: "h", Mirrors: []Endpoint{login("one", one), own, login("one", one+"x")}, Server: &server, Why: "why"}
	}
	was := hostsTOML(road("a", "b", "https://m"))
	for _, test := range []struct {
		name string
		now  *Road
		want string
	}{
		{"nothing", road("a", "b", "https://m"), ""},
		{"one, twice", road("A", "b", "https://m"), "one"},
		{"another", road("a", "B", "https://m"), "two"},
		{"both, as they stand", road("A", "B", "https://m"), "two one"},
		{"more than that", road("A", "b", "https://n"), ""},
	} {
		got := Rotated(was, hostsTOML(test.now), test.now.Asks())
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	fewer := road("a", "b", "https://m")
	fewer.Mirrors = slices.Delete(fewer.Mirrors, 1, 2)
	if got := Rotated(was, hostsTOML(fewer), fewer.Asks()); got != nil {
		t.Errorf("an endpoint less: %q", got)
	}
	plain := road("a", "b", "https://m")
	plain.Mirrors[0].Header = map[string][]string{"X": {"y"}}
	if got := Rotated(hostsTOML(plain), was, road("a", "b", "https://m").Asks()); got != nil {
		t.Errorf("a credential that is new: %q", got)
	}
}

func TestConfides(t *testing.T) {
	const name = "/etc/containerd/certs.d/a.example/hosts.toml"
	for text, want := range map[string]bool{
		"":                               false,
		"server = \"https://a.example\"": false,
		"[host.\"https://m\"]\ncapabilities = [\"pull\"]\n":                                            false,
		"[header]\nx-site = \"7\"\n":                                                                   false,
		"[header]\nauthorization = \"Basic eDp5\"\n":                                                   true,
		"[host.\"https://m\"]\n[host.\"https://m\".header]\nX-Api-Key = [\"1\"]\n":                     true,
		"host.\"https://m\".header.Authorization = \"Basic eDp5\"\n":                                   true,
		"[host.\"https://m\".header]\nAuthorization = \u201cBasic\u201d\n":                             true, // does not parse
		"server = \u201chttps://a.example\u201d\n":                                                     false,
		string(hostsTOML(&Road{Server: &Endpoint{Header: map[string][]string{authorization: {"x"}}}})): true,
	} {
		if got := Confides(name, []byte(text)); got != want {
			t.Errorf("Confides(%q) = %v", text, got)
		}
		if Confides("/etc/hosts", []byte(text)) {
			t.Error("another file holds no headers")
		}
	}
}
