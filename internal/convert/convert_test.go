package convert_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/regsync/regsync/internal/convert"
	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// node is what a converted file is rendered for: a containerd that reads certs.d.
func node(t testing.TB, s *spec.Spec) render.Inputs {
	t.Helper()
	in := render.Inputs{
		Layout: render.Layout{
			Runtime: render.Containerd, CertsDir: "/etc/containerd/certs.d", ConfigFile: "/etc/containerd/config.toml", ConfigPath: "/etc/containerd/certs.d",
		},
		Config:      []byte("version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n"),
		Files:       map[string][]byte{},
		Credentials: map[string]render.Login{},
	}
	cert, key := pair(t)
	for _, ref := range s.Files() {
		in.Files[ref.File] = cert
		if ref.Kind == spec.FileKey {
			in.Files[ref.File] = key
		}
	}
	for _, use := range s.CredentialUses() {
		c, _ := s.Credential(use.Credential)
		in.Credentials[use.Path] = render.Login{Username: c.Username, Password: render.NewSecret("from " + c.Password.File)}
	}
	return in
}

var made struct{ cert, key []byte }

// pair makes a certificate and its key, once.
func pair(t testing.TB) (cert, key []byte) {
	t.Helper()
	if made.cert != nil {
		return made.cert, made.key
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	made.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	made.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return made.cert, made.key
}

// asked gives whom containerd of a major version asks for a registry on a node where a file was applied, one line for each.
func asked(t testing.TB, yaml []byte, registry string, major int) []string {
	t.Helper()
	s, _, err := spec.Load([]spec.Source{{Name: "converted.yaml", Data: yaml}}, spec.Facts{})
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	desired, err := render.Render(s, node(t, s))
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	files := map[string]map[string][]byte{}
	for _, r := range desired.Resources {
		dir, name := path.Split(r.Name)
		dir = path.Base(path.Clean(dir))
		if files[dir] == nil {
			files[dir] = map[string][]byte{}
		}
		files[dir][name] = r.Body
	}
	return judged(t, files, registry, major)
}

// judged lets containerd's loader say whom it asks for a registry, with these directories in certs.d.
func judged(t testing.TB, dirs map[string]map[string][]byte, registry string, major int) []string {
	t.Helper()
	files, host := dirs[registry], registry
	if files == nil {
		files, host = dirs["_default"], "*"
	}
	if files == nil {
		return []string{upstream(registry) + " pull resolve push"}
	}
	result, err := loader.Judge(major, files, host)
	if err != nil || result.Panic != "" {
		return []string{fmt.Sprint("fails: ", err, result.Panic)}
	}
	var lines []string
	for _, e := range once(result.Endpoints) {
		lines = append(lines, line(e, registry))
	}
	return lines
}

func line(e loader.Endpoint, registry string) string {
	l := strings.Replace(e.URL, "any.invalid", registry, 1)
	for _, c := range e.Capabilities {
		if c != "referrers" {
			l += " " + c
		}
	}
	for word, is := range map[string]bool{" https-first": e.HTTPFallback, " unverified": e.SkipVerify && !strings.HasPrefix(e.URL, "http://")} {
		if is {
			l += word
		}
	}
	if e.HasCA && !e.SkipVerify && !strings.HasPrefix(e.URL, "http://") {
		l += " ca"
	}
	if e.HasClient {
		l += " client"
	}
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		value := strings.Join(e.Header[name], ",")
		if strings.EqualFold(name, "authorization") {
			value = "a login"
		}
		l += " " + strings.ToLower(name) + "=" + value
	}
	return l
}

// once leaves out what is asked a second time in the same way, or verified more strictly: whatever serves it would have served before.
func once(list []loader.Endpoint) []loader.Endpoint {
	var out []loader.Endpoint
	for _, e := range list {
		e.URL = strings.Replace(e.URL, "https://docker.io/", "https://registry-1.docker.io/", 1)
		i := slices.IndexFunc(out, func(o loader.Endpoint) bool {
			laxer := o.SkipVerify || !e.SkipVerify && (o.HasCA || !e.HasCA)
			return o.URL == e.URL && o.HTTPFallback == e.HTTPFallback && laxer && o.HasClient == e.HasClient && cmp.Equal(o.Header, e.Header, cmpopts.EquateEmpty()) &&
				slices.Contains(o.Capabilities, "pull") && slices.Contains(o.Capabilities, "resolve")
		})
		if i < 0 {
			out = append(out, e)
		} else if slices.Contains(e.Capabilities, "push") {
			out[i].Capabilities = e.Capabilities
		}
	}
	return out
}

func upstream(registry string) string {
	if registry == "docker.io" {
		return "https://registry-1.docker.io/v2"
	}
	return "https://" + registry + "/v2"
}

// converted converts a file, which must be valid then and hold no password.
func converted(t testing.TB, format, text string) []byte {
	t.Helper()
	d, err := convert.Convert(format, "file", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	yaml, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(yaml), "geheim") {
		t.Errorf("a password is shown:\n%s", yaml)
	}
	return yaml
}

// TestEndpoints compares whom the tool's runtime asks by its documented rules with whom containerd asks by the converted file.
func TestEndpoints(t *testing.T) {
	const upstreamCaps = " pull resolve push"
	for _, test := range []struct {
		name, format, text string
		want               map[string][]string // by registry
	}{{
		name: "k3s mirrors", format: "k3s",
		text: "mirrors:\n  docker.io:\n    endpoint: [\"http://192.168.1.140:5280\", mirror.corp, \"https://m.lab/v2/hub\"]\n  \"*\":\n    endpoint: [\"https://cache.lab:5000\"]\n  localhost:5000:\n    endpoint: [localhost:5000]\n",
		want: map[string][]string{
			"docker.io": {"http://192.168.1.140:5280/v2 pull resolve", "https://mirror.corp/v2 pull resolve", "https://m.lab/v2/hub pull resolve", "https://registry-1.docker.io/v2" + upstreamCaps},
			"quay.io":   {"https://cache.lab:5000/v2 pull resolve", "https://quay.io/v2" + upstreamCaps}, "localhost:5000": {"http://localhost:5000/v2" + upstreamCaps},
		},
	}, {
		name: "k3s configs", format: "rke2",
		text: "mirrors:\n  docker.io: {endpoint: [\"https://m.lab\"]}\n  \"*\": {endpoint: [\"https://cache.lab\"]}\nconfigs:\n  m.lab:\n    auth: {username: me, password: geheim}\n    tls: {ca_file: /etc/ca.pem, cert_file: /etc/c.pem, key_file: /etc/k.pem}\n  docker.io:\n    auth: {auth: bWU6Z2VoZWlt}\n  skip.lab:8443:\n    tls: {insecure_skip_verify: true}\n",
		want: map[string][]string{
			"docker.io":     {"https://m.lab/v2 pull resolve ca client authorization=a login", "https://registry-1.docker.io/v2" + upstreamCaps + " authorization=a login"},
			"skip.lab:8443": {"https://skip.lab:8443/v2" + upstreamCaps + " unverified"},
			"m.lab":         {"https://m.lab/v2" + upstreamCaps + " ca client authorization=a login"},
			"quay.io":       {"https://cache.lab/v2 pull resolve", "https://quay.io/v2" + upstreamCaps},
		},
	}, {
		name: "k3s rewrites", format: "k3s",
		text: "mirrors:\n  docker.io:\n    endpoint: [\"https://m.lab\"]\n    rewrite: {\"^library/(.*)\": \"x/$1\"}\n",
		want: map[string][]string{"docker.io": {"https://registry-1.docker.io/v2" + upstreamCaps}}, // commented out
	}, {
		name: "registries.conf", format: "registries.conf",
		text: "[[registry]]\nprefix = \"docker.io\"\nlocation = \"hub.lab\"\n[[registry.mirror]]\nlocation = \"a.lab/x\"\n[[registry.mirror]]\nlocation = \"b.lab:5000\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"c.lab\"\npull-from-mirror = \"digest-only\"\n" +
			"[[registry]]\nlocation = \"bad.lab\"\nblocked = true\n[[registry]]\nprefix = \"quay.io/ns\"\nlocation = \"q.lab/ns\"\n[[registry]]\nlocation = \"plain.lab:5000\"\ninsecure = true\n[[registry]]\nprefix = \"*.wild.lab\"\nblocked = true\n",
		want: map[string][]string{
			"docker.io": {"https://a.lab/v2/x pull resolve", "http://b.lab:5000/v2 pull resolve", "https://c.lab/v2 pull", "https://hub.lab/v2" + upstreamCaps},
			"bad.lab":   {"https://bad.lab/v2 push"}, "quay.io": {"https://quay.io/v2" + upstreamCaps}, "plain.lab:5000": {"http://plain.lab:5000/v2" + upstreamCaps},
			"a.wild.lab": {"https://a.wild.lab/v2" + upstreamCaps},
		},
	}, {
		name: "registries.conf, digests only", format: "registries.conf",
		text: "[[registry]]\nlocation = \"r.lab\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.lab\"\n[[registry]]\nlocation = \"t.lab\"\n[[registry.mirror]]\nlocation = \"m.lab\"\npull-from-mirror = \"tag-only\"\n",
		want: map[string][]string{"r.lab": {"https://m.lab/v2 pull", "https://r.lab/v2" + upstreamCaps}, "t.lab": {"https://t.lab/v2" + upstreamCaps}},
	}, {
		name: "registries.conf, older form", format: "registries.conf",
		text: "[registries.search]\nregistries = [\"docker.io\"]\n[registries.insecure]\nregistries = [\"i.lab:5000\"]\n[registries.block]\nregistries = [\"b.lab\"]\n",
		want: map[string][]string{"i.lab:5000": {"http://i.lab:5000/v2" + upstreamCaps}, "b.lab": {"https://b.lab/v2 push"}},
	}, {
		name: "docker", format: "docker",
		text: "{\"registry-mirrors\": [\"http://m.lab:5000/\", \"https://n.lab\", \"https://o.lab\"],\n\t\"insecure-registries\": [\"n.lab\", \"m.lab:5000\", \"10.1.2.3/8\", \"r.lab:5000\"]}",
		want: map[string][]string{
			"docker.io":  {"http://m.lab:5000/v2 pull resolve", "https://n.lab/v2 pull resolve unverified", "https://o.lab/v2 pull resolve", "https://registry-1.docker.io/v2" + upstreamCaps},
			"r.lab:5000": {"http://r.lab:5000/v2" + upstreamCaps}, "m.lab:5000": {"http://m.lab:5000/v2" + upstreamCaps},
			"n.lab": {"https://n.lab/v2" + upstreamCaps + " unverified"},
		},
	}, {
		name: "kubespray, older", format: "kubespray",
		text: "containerd_registries:\n  docker.io: [\"https://m.lab\", \"https://registry-1.docker.io\"]\ncontainerd_insecure_registries:\n  r.lab:5000: http://r.lab:5000\n  s.lab: https://s.lab\ncontainerd_registry_auth:\n  - {registry: m.lab, username: me, password: geheim}\n",
		want: map[string][]string{
			"docker.io":  {"https://m.lab/v2 pull resolve authorization=a login", "https://registry-1.docker.io/v2" + upstreamCaps},
			"r.lab:5000": {"http://r.lab:5000/v2" + upstreamCaps}, "s.lab": {"https://s.lab/v2" + upstreamCaps + " unverified"},
		},
	}} {
		t.Run(test.name, func(t *testing.T) {
			yaml := converted(t, test.format, test.text)
			for registry, want := range test.want {
				for _, major := range []int{1, 2} {
					if diff := cmp.Diff(want, asked(t, yaml, registry, major)); diff != "" {
						t.Errorf("%s by %d.x (-want +got):\n%s\n%s", registry, major, diff, yaml)
					}
				}
			}
		})
	}
}
