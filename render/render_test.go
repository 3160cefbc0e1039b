package render

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/spec"
)

func TestRenderProblems(t *testing.T) {
	s := &spec.Spec{Registries: []spec.Registry{{Host: "a.example", TLS: spec.TLS{CA: []string{"/none", "/none/too"}}, Pos: at(3)}}}
	d, err := Render(s, Inputs{Layout: Layout{Runtime: Containerd, CertsDir: "/certs.d"}})
	var all *multierror.Error
	if !errors.As(err, &all) || len(all.Errors) != 2 {
		t.Fatalf("error %v, want two problems", err)
	}
	for _, e := range all.Errors {
		var p *spec.Problem
		if !errors.As(e, &p) || p.Position != at(3) {
			t.Errorf("%#v is no problem at %v", e, at(3))
		}
	}
	if len(d.Resources) != 0 {
		t.Errorf("resources in spite of problems: %v", d.Resources)
	}
}

func TestRenderNoRuntime(t *testing.T) {
	s := &spec.Spec{Insecure: insecure("localhost:32000")}
	config := []byte("version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/certs.d\"\n")
	for runtime, want := range map[Runtime]bool{NoRuntime: false, Containerd: true, MicroK8s: true} {
		d, err := Render(s, Inputs{Layout: Layout{Runtime: runtime, CertsDir: "/certs.d", ConfigFile: "/config.toml"}, Config: config})
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(d.Resources, func(r Resource) bool { return strings.HasPrefix(r.Name, "/certs.d/") })
		if got != want {
			t.Errorf("runtime %s: certs.d %v, want %v", runtime, got, want)
		}
	}
}

func TestRenderNothing(t *testing.T) {
	in := Inputs{
		Layout: Layout{Runtime: Containerd, CertsDir: "/certs.d", ConfigFile: "/config.toml", ConfigPath: "/certs.d"},
		Config: []byte("version = 2\n"),
	}
	d, err := Render(&spec.Spec{}, in)
	if err != nil || len(d.Resources) != 0 {
		t.Errorf("an empty spec gives %v, %v", d, err)
	}
}

// A containerd that does not read certs.d gets no files there.
func TestRenderInline(t *testing.T) {
	s := &spec.Spec{Insecure: insecure("localhost:32000")}
	d, _ := Render(s, Inputs{Layout: Layout{Runtime: Containerd, CertsDir: "/certs.d"}, Containerd: Version{1, 4, 13}})
	for _, r := range d.Resources {
		if strings.HasPrefix(r.Name, "/certs.d/") {
			t.Errorf("%s for containerd 1.4", r.Name)
		}
	}
}

func fleet(n int) *spec.Spec {
	s := &spec.Spec{}
	for i := range n {
		host := fmt.Sprintf("r%d.example:5000", i)
		s.Registries = append(s.Registries, spec.Registry{Host: host, Pos: at(i)})
		s.Mirrors = append(s.Mirrors, mirrors(host, true, "https://mirror.example/v2/"+host, "http://10.0.0.1:5000"))
	}
	return s
}

// Rendering changes neither the spec nor what it is given, and always says the same.
func TestRenderIsPure(t *testing.T) {
	in := Inputs{
		Layout: Layout{Runtime: Containerd, CertsDir: "/certs.d"},
		Dirs:   map[string]Dir{"r1.example_5000_": {Files: []string{"ca.crt"}}},
	}
	s := fleet(5)
	s.Mirrors = append(s.Mirrors, mirrors("*", false, "https://a.example", "https://r9.example:5000", "https://c.example"))
	s.Registries = append(s.Registries, spec.Registry{Host: "r9.example:5000"}, spec.Registry{Host: "r8.example:5000"})
	first, err := Render(s, in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Render(s, in)
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("the second time: %v\n%+v\nthe first time:\n%+v", err, again, first)
	}
	for _, r := range first.Resources {
		if r.Scope != Whole {
			continue
		}
		next, err := r.Propose([]byte("something else"))
		if err != nil || !Same(next, r.Body) {
			t.Errorf("%s: proposes %q, %v", r.Name, next, err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := fleet(n)
			in := Inputs{Layout: Layout{Runtime: Containerd, CertsDir: "/etc/containerd/certs.d", ConfigPath: "/etc/containerd/certs.d"}}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Render(s, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
