package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/render"
)

// shelf keeps contents under themselves.
func shelf(kept ...string) Contents {
	return func(digest string) []byte {
		for _, k := range kept {
			if k == digest {
				return []byte(k)
			}
		}
		return nil
	}
}

func itself(data []byte) string { return string(data) }

func name(s string) render.ID { return render.ID{Kind: render.KindFile, Name: s} }

func TestBack(t *testing.T) {
	whole := func(name_, digest string, sensitive bool) Kept {
		return Kept{ID: name(name_), Digest: digest, Mode: 0o644, Sensitive: sensitive}
	}
	for _, tt := range []struct {
		name  string
		kept  []Kept
		have  map[string]string
		owned []string
		want  map[string]string // content by file
		still []string          // what of owned the plan sees
		held  int
	}{
		{
			"content",
			[]Kept{whole("/c/a/hosts.toml", "x", false)},
			nil,
			[]string{"/c/a/hosts.toml"},
			map[string]string{"/c/a/hosts.toml": "x"},
			[]string{"/c/a/hosts.toml"},
			0,
		},
		{"nothing was ours", nil, nil, []string{"/c/a/hosts.toml"}, map[string]string{}, []string{"/c/a/hosts.toml"}, 0},
		{
			"block",
			[]Kept{{ID: name("/etc/hosts"), Scope: render.Block, Body: "b", Digest: "gone"}},
			nil, nil,
			map[string]string{"/etc/hosts": "b"},
			nil, 0,
		},
		{
			"not kept, but there",
			[]Kept{whole("/c/a/hosts.toml", "y", false)},
			map[string]string{"/c/a/hosts.toml": "y"},
			nil,
			map[string]string{"/c/a/hosts.toml": "y"},
			nil, 0,
		},
		{
			"not kept",
			[]Kept{whole("/c/a/hosts.toml", "y", false)},
			map[string]string{"/c/a/hosts.toml": "z"},
			[]string{"/c/a/hosts.toml"},
			map[string]string{},
			nil, 1,
		},
		{
			"secret that is there",
			[]Kept{whole("/c/a/key", "k", true), whole("/c/a/hosts.toml", "x", false)},
			map[string]string{"/c/a/key": "k"},
			[]string{"/c/a/key"},
			map[string]string{"/c/a/key": "k", "/c/a/hosts.toml": "x"},
			[]string{"/c/a/key"},
			0,
		},
		{
			"another secret holds its directory",
			[]Kept{whole("/c/a/key", "k", true), whole("/c/a/hosts.toml", "x", false), whole("/c/b/hosts.toml", "x", false)},
			map[string]string{"/c/a/key": "l"},
			[]string{"/c/a/key", "/c/a/other", "/c/b/key"},
			map[string]string{"/c/b/hosts.toml": "x"},
			[]string{"/c/b/key"},
			1,
		},
		{"a secret on the shelf by accident", []Kept{whole("/c/a/key", "x", true)}, nil, nil, map[string]string{}, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			have, owned := map[render.ID]Live{}, map[render.ID]Owned{}
			for n, data := range tt.have {
				have[name(n)] = Live{Data: []byte(data)}
			}
			for _, n := range tt.owned {
				owned[name(n)] = Owned{Applied: "y"}
			}
			image := render.ID{Kind: render.KindImage, Name: "i"}
			owned[image] = Owned{Image: &render.Image{}}
			g := Generation{Number: 7, Kept: append([]Kept{{ID: image, Image: "sha256:1"}}, tt.kept...)}
			back := g.Back(have, owned, shelf("x"), itself)
			got := map[string]string{}
			for _, r := range back.Want {
				got[r.Name] = string(r.Body)
				if r.Why != "back to generation 7" {
					t.Errorf("%s: why is %q", r.Name, r.Why)
				}
			}
			still := map[render.ID]Owned{}
			for _, n := range tt.still {
				still[name(n)] = Owned{Applied: "y"}
			}
			if d := cmp.Diff(tt.want, got) + cmp.Diff(still, back.Owned); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if len(back.Held) != tt.held {
				t.Errorf("held: %v", back.Held)
			}
		})
	}
}

func TestSince(t *testing.T) {
	a, b, key, gone := name("/a"), name("/etc/hosts"), name("/key"), name("/gone")
	before := Generation{Number: 1, Kept: []Kept{{ID: a, Digest: "1"}, {ID: b, Scope: render.Block, Body: "old"}, {ID: gone, Digest: "lost"}}}
	g := Generation{
		Number:  2,
		Changes: []Past{{ID: a, Action: Update}, {ID: b, Action: Update}, {ID: key, Action: Create, Sensitive: true}, {ID: gone, Action: Delete}},
		Kept:    []Kept{{ID: a, Digest: "2"}, {ID: b, Scope: render.Block, Body: "new"}, {ID: key, Digest: "1", Sensitive: true}},
	}
	bare := []Change{{ID: a, Action: Update}, {ID: b, Action: Update}, {ID: key, Action: Create, Sensitive: true}, {ID: gone, Action: Delete}}
	full := append([]Change{}, bare...)
	full[0].Before, full[0].After = []byte("1"), []byte("2")
	full[1].Before, full[1].After = []byte("old"), []byte("new")
	if d := cmp.Diff(full, g.Since(&before, shelf("1", "2"))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(bare, g.Since(nil, shelf("1", "2"))); d != "" {
		t.Errorf("without the one before (-want +got):\n%s", d)
	}
	if d := cmp.Diff(bare, g.Since(&Generation{Number: 1, Damage: "x"}, shelf("1", "2"))); d != "" {
		t.Errorf("with a damaged one before (-want +got):\n%s", d)
	}
}

func TestDrift(t *testing.T) {
	hosts := func(body string) []byte { return []byte("1 one\n# BEGIN regsync\n" + body + "# END regsync\n") }
	block := Owned{Scope: render.Block, Body: []byte("2 two\n"), Applied: "left"}
	for _, tt := range []struct {
		name  string
		owned Owned
		live  Live
		want  string
	}{
		{"as left", Owned{Applied: "x"}, Live{Data: []byte("x")}, ""},
		{"deleted", Owned{Applied: "x"}, Live{}, "was deleted since the last apply"},
		{"edited", Owned{Applied: "x"}, Live{Data: []byte("y")}, "was edited since the last apply"},
		{"of a tool", Owned{Applied: "x"}, Live{Data: []byte("# File generated by k3s. DO NOT EDIT.\n")}, "was edited since the last apply by k3s"},
		{"half way", Owned{Applied: "x", Coming: "y"}, Live{Data: []byte("y")}, ""},
		{"never written", Owned{Coming: "y"}, Live{}, ""},
		{"in the way", Owned{Applied: "x"}, Live{Obstacle: "is a directory"}, "is a directory"},
		{"opened", Owned{Applied: "x", Sensitive: true, Mode: 0o600}, Live{Data: []byte("x"), Mode: 0o644}, "its mode was opened to 0644"},
		{"others' lines", block, Live{Data: append(hosts("2 two\n"), "3 three\n"...)}, ""},
		{"our lines", block, Live{Data: hosts("2 three\n")}, "was edited since the last apply"},
		{"by hand", Owned{Applied: "x"}, Live{Data: []byte("# Managed by regsync: changes made here do not last.\n# not so\n")}, "was edited since the last apply by hand"},
		{"by cloud-init", block, Live{Data: []byte("# Your system has configured 'manage_etc_hosts' as True.\n1 one\n")}, "was edited since the last apply by cloud-init"},
		{"no lines", block, Live{Data: []byte("1 one\n")}, "was edited since the last apply"},
		{"an image", Owned{Applied: "x", Image: &render.Image{}}, Live{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := name("/etc/hosts")
			if tt.owned.Image != nil {
				n.Kind = render.KindImage
			}
			var want []Drifted
			if tt.want != "" {
				want = []Drifted{{n, tt.want}}
			}
			got := Drift(map[render.ID]Live{n: tt.live}, map[render.ID]Owned{n: tt.owned}, itself)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
