package loader_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Whatever is rendered, both majors read it without a word, and ask whom the resource says, in that order and manner.
func TestRenderedIsRead(t *testing.T) {
	files := pemFiles(t)
	for name, s := range map[string]*spec.Spec{
		"one mirror": {
			Mirrors:  []spec.Mirror{{Registry: "docker.io", Fallback: true, Endpoints: endpoints("http://192.168.1.140:5280/v2/dockerhub")}},
			Insecure: []spec.Insecure{{Value: "192.168.1.140:5280"}},
		},
		"no fallback": {
			Mirrors: []spec.Mirror{{Registry: "quay.io", Endpoints: endpoints("https://a.example", "https://b.example/proxy/quay")}},
		},
		"one mirror and no fallback": {
			Mirrors: []spec.Mirror{{Registry: "quay.io", Endpoints: endpoints("https://b.example/v2/quay")}},
		},
		"every registry": {
			Registries: []spec.Registry{
				{Host: "harbor.corp:8443", TLS: spec.TLS{CA: []string{"ca.pem"}, Client: &spec.ClientCert{Cert: "cert.pem", Key: "key.pem"}}},
				{Host: "ghcr.io", Blocked: true},
				{Host: "myprojectname.io", Server: "http://192.168.1.140:5280"},
			},
			Mirrors: []spec.Mirror{
				{Registry: "*", Fallback: true, Endpoints: endpoints("https://harbor.corp:8443/v2/proxy", "http://localhost:32000")},
				{Registry: "registry.k8s.io", Fallback: true},
			},
			Insecure: []spec.Insecure{{Value: "localhost:32000"}, {Value: "https://10.0.0.9:8443"}, {Value: "10.20.0.0/16"}},
		},
		"every registry, no fallback": {
			Registries: []spec.Registry{{Host: "b.example"}, {Host: "c.example:5000"}},
			Mirrors:    []spec.Mirror{{Registry: "*", Endpoints: endpoints("https://a.example", "https://b.example:443")}},
		},
		"headers": {
			Registries: []spec.Registry{{Host: "r.example", Header: map[string][]string{"X-Site": {"plant-7", `"quoted" \ back`}, "x.dotted": {"ü\n"}}, DialTimeout: spec.Duration(3 * time.Second)}},
			Mirrors: []spec.Mirror{{Registry: "r.example", Fallback: true, Endpoints: []spec.Endpoint{
				{URL: "https://m.example", Header: map[string][]string{"Authorization": {"Basic eDp5"}}, Capabilities: []string{"pull"}, TLS: spec.TLS{CA: []string{"ca.pem", "other.pem"}}},
				{URL: "https://n.example/odd \"path/\u00fc", OverridePath: spec.OverrideYes},
				{URL: "https://o.example", OverridePath: spec.OverrideYes},
				{URL: "https://o.example/v2/x", OverridePath: spec.OverrideNo},
			}}},
		},
		"hub": {Registries: []spec.Registry{{Host: "docker.io", Server: "https://docker.io"}}},
		"mirror is the registry": {
			Registries: []spec.Registry{{Host: "r.example", TLS: spec.TLS{CA: []string{"ca.pem"}}}},
			Mirrors:    []spec.Mirror{{Registry: "r.example", Fallback: true, Endpoints: endpoints("https://r.example", "https://m.example")}},
		},
	} {
		t.Run(name, func(t *testing.T) { read(t, s, inputs(files)) })
	}
}

func TestRenderedIsReadAtRandom(t *testing.T) {
	files := pemFiles(t)
	n := 300
	if testing.Short() {
		n = 30
	}
	for seed := range n {
		r := mathrand.New(mathrand.NewPCG(uint64(seed), 1))
		in := inputs(files)
		s := randomSpec(r)
		for _, reg := range s.Registries {
			switch r.IntN(6) {
			case 0:
				in.Dirs[strings.Replace(reg.Host, ":", "_", 1)+"_"] = render.Dir{Hosts: []byte("server = \"https://old.example\"\n")}
			case 1:
				in.Dirs[reg.Host] = render.Dir{Hosts: []byte("[host.\"https://old.example\"]\n")}
			}
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { read(t, s, in) })
	}
}

// The valid specs that the spec's own tests hold.
func TestRenderedIsReadOfCorpus(t *testing.T) {
	names, err := filepath.Glob("../../spec/testdata/corpus/good/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no specs: %v", err)
	}
	pems := pemFiles(t)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s, _, err := spec.Load([]spec.Source{{Name: name, Data: data}}, spec.Facts{})
			if err != nil {
				t.Skip("not valid everywhere")
			}
			in := inputs(map[string][]byte{})
			in.Containerd = render.Version{Major: 2, Minor: 2, Patch: 9}
			for _, f := range s.Files() {
				in.Files[f.File] = pems[map[spec.FileKind]string{spec.FileCA: "ca.pem", spec.FileCert: "cert.pem", spec.FileKey: "key.pem"}[f.Kind]]
			}
			in.Credentials = map[string]render.Login{}
			for i := range s.Registries {
				in.Credentials[fmt.Sprintf("registries[%d].credentials", i)] = render.Login{Username: "u"}
			}
			for i, m := range s.Mirrors {
				for j := range m.Endpoints {
					in.Credentials[fmt.Sprintf("mirrors[%d].endpoints[%d].credentials", i, j)] = render.Login{Username: "u"}
				}
			}
			if roads, _, _ := render.Roads(s, in); len(roads) > 0 {
				read(t, s, in)
			}
		})
	}
}

// read renders s for in, puts all of it below a directory, and lets each major read every registry of it.
func read(t *testing.T, s *spec.Spec, in render.Inputs) {
	t.Helper()
	want, err := render.Render(s, in)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for name, d := range in.Dirs {
		put(t, filepath.Join(root, name, "hosts.toml"), d.Hosts)
	}
	for _, r := range want.Resources {
		if name, ok := strings.CutPrefix(r.Name, in.Layout.CertsDir+"/"); ok {
			put(t, filepath.Join(root, name), r.Body)
		}
	}
	seen := 0
	for _, r := range want.Resources {
		if r.Asks == nil {
			continue
		}
		seen++
		host := hostOf(t, s, filepath.Base(filepath.Dir(r.Name)))
		for _, major := range []int{1, 2} {
			got, err := loader.Load(major, root, host)
			if err != nil || !got.Sound() {
				t.Fatalf("%d.x: %s: %v, %+v\n%s", major, host, err, got, r.Body)
			}
			if want := filepath.Base(filepath.Dir(r.Name)); got.Directory != want {
				t.Errorf("%d.x: %s: takes %q, want %q", major, host, got.Directory, want)
			}
			if err := got.Agrees(r.Asks); err != nil {
				t.Errorf("%d.x: %s: %v", major, host, err)
			}
			asks := r.Asks
			if !strings.Contains(string(r.Body), "\nserver = ") {
				asks = append(slices.Clone(asks), render.Endpoint{URL: "https://" + host, Capabilities: []string{"pull", "resolve", "push"}})
			}
			if want := described(asks); !reflect.DeepEqual(describedBy(got), want) {
				t.Errorf("%d.x: %s asks\n%s\nwant\n%s\n%s", major, host, strings.Join(describedBy(got), "\n"), strings.Join(want, "\n"), r.Body)
			}
		}
	}
	if seen == 0 {
		t.Error("nothing was rendered")
	}
}

func described(asks []render.Endpoint) (all []string) {
	for _, e := range asks {
		url := strings.NewReplacer("%20", " ", "%22", `"`, "%C3%BC", "ü").Replace(e.API())
		all = append(all, fmt.Sprint(url, e.Capabilities, e.SkipVerify, e.CA != nil || e.CAFiles != nil, e.Cert != nil || e.ClientFiles != nil, e.Header))
	}
	return all
}

func describedBy(r loader.Result) (all []string) {
	for _, e := range r.Endpoints {
		if len(e.Capabilities) == 4 { // 2.x adds referrers where all are meant
			e.Capabilities = e.Capabilities[:3]
		}
		url := e.URL
		if e.HTTPFallback {
			url += " by https first"
		}
		all = append(all, fmt.Sprint(url, e.Capabilities, e.SkipVerify, e.HasCA, e.HasClient, e.Header))
	}
	return all
}

// hostOf gives the registry that a directory serves.
func hostOf(t *testing.T, s *spec.Spec, dir string) string {
	if dir == "_default" {
		return "another.example"
	}
	roads, _, _ := render.Roads(s, render.Inputs{})
	for _, r := range roads {
		if i := strings.LastIndex(r.Host, ":"); r.Host == dir || i > 0 && r.Host[:i]+"_"+r.Host[i+1:]+"_" == dir {
			return r.Host
		}
	}
	if dir == "docker.io" {
		return dir
	}
	t.Fatalf("no registry for directory %q", dir)
	return ""
}

func inputs(files map[string][]byte) render.Inputs {
	return render.Inputs{
		Layout: render.Layout{
			Runtime: render.Containerd, ConfigFile: "/etc/containerd/config.toml",
			CertsDir: "/etc/containerd/certs.d", ConfigPath: "/etc/containerd/certs.d",
		},
		Dirs:  map[string]render.Dir{},
		Files: files,
	}
}

func endpoints(urls ...string) (all []spec.Endpoint) {
	for _, url := range urls {
		all = append(all, spec.Endpoint{URL: url})
	}
	return all
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// randomSpec draws a spec that is consistent as far as rendering demands it.
func randomSpec(r *mathrand.Rand) *spec.Spec {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	hosts := []string{"docker.io", "quay.io", "ghcr.io", "r.example", "r.example:5000", "localhost:32000", "10.0.0.9:8443", "[::1]:5000", "harbor.corp:443"}
	r.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	header := func() map[string][]string {
		if r.IntN(3) > 0 {
			return nil
		}
		return map[string][]string{pick("X-Site", "authorization", "x y", "é"): {pick("a", `"`, "\\", "\x7f", "Ā", "")}, "X-Two": {"1", "2"}}
	}
	tls := func() (t spec.TLS) {
		if r.IntN(3) == 0 {
			t.CA = []string{pick("ca.pem", "other.pem")}
		}
		if r.IntN(4) == 0 {
			t.Client = &spec.ClientCert{Cert: "cert.pem", Key: "key.pem"}
		}
		return t
	}
	url := func() string {
		named := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return h[0] == '[' })
		return pick("http://", "https://") + pick(append(named, "m.example", "m.example:80", "m.example:443", "v2")...) +
			pick("", "", "", "/v2", "/v2/proxy", "/proxy", "/a/v2", "/x/../v2", "/a//b", "/a'b(c)")
	}
	s := &spec.Spec{}
	n := 1 + r.IntN(4)
	for _, h := range hosts[:n] {
		reg := spec.Registry{Host: h, Header: header(), TLS: tls(), DialTimeout: spec.Duration(r.IntN(3)) * spec.Duration(time.Second)}
		if r.IntN(3) == 0 {
			reg.Server = url()
		}
		reg.Blocked = r.IntN(8) == 0
		s.Registries = append(s.Registries, reg)
	}
	blocked := func(h string) bool {
		return slices.ContainsFunc(s.Registries, func(r spec.Registry) bool { return r.Host == h && r.Blocked })
	}
	for _, h := range append([]string{"*"}, hosts[n/2:n+2]...) {
		if r.IntN(2) == 0 || blocked(h) {
			continue
		}
		m := spec.Mirror{Registry: h, Fallback: r.IntN(3) > 0}
		for range r.IntN(4) {
			m.Endpoints = append(m.Endpoints, spec.Endpoint{
				URL: url(), Header: header(), TLS: tls(),
				OverridePath: spec.Override(pick("", "auto", "true", "false")),
				Capabilities: [][]string{nil, {"pull"}, {"pull", "resolve"}, {"pull", "resolve", "push"}}[r.IntN(4)],
			})
		}
		s.Mirrors = append(s.Mirrors, m)
	}
	for _, h := range hosts {
		if r.IntN(3) == 0 {
			s.Insecure = append(s.Insecure, spec.Insecure{Value: pick("", "https://") + h})
		}
	}
	return s
}

// pemFiles makes two certificates, the first with its key.
func pemFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{"ca.pem", "other.pem"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		if name == "ca.pem" {
			der, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			files["cert.pem"] = files[name]
			files["key.pem"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		}
	}
	return files
}
