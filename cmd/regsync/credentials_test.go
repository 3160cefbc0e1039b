package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// TestWithoutHeldFiles: with a hosts.toml that is held stays all that is ours for its registry, by whatever name of the directory.
func TestWithoutHeldFiles(t *testing.T) {
	file := func(name string) render.ID { return render.ID{Kind: render.KindFile, Name: name} }
	image := render.ID{Kind: render.KindImage, Name: "h.example:5000/app:1"}
	ours := []render.ID{
		file("/c/h.example:5000/hosts.toml"), file("/c/h.example:5000/regsync-ca-1.pem"), file("/c/h.example/hosts.toml"),
		file("/c/_default/hosts.toml"), file("/old/h.example:5000/hosts.toml"), file("/etc/hosts"), file("/etc/containerd/config.toml"), image,
	}
	for _, test := range []struct {
		held []string
		gone []int
	}{
		{nil, nil},
		{[]string{"/c/h.example:5000/hosts.toml"}, []int{0, 1}},
		{[]string{"/c/h.example_5000_/hosts.toml"}, []int{0, 1}},
		{[]string{"/c/_default/hosts.toml", "/c/h.example/hosts.toml"}, []int{2, 3}},
		{[]string{"/etc/containerd/config.toml"}, []int{6}},
	} {
		owned, want := map[render.ID]plan.Owned{}, map[render.ID]bool{}
		for i, id := range ours {
			owned[id] = plan.Owned{}
			if !slices.Contains(test.gone, i) {
				want[id] = true
			}
		}
		var held []render.Held
		for _, name := range test.held {
			held = append(held, render.Held{ID: file(name)})
		}
		got := map[render.ID]bool{}
		for id := range maps.Keys(withoutHeldFiles(owned, held)) {
			got[id] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q held (-want +got):\n%s", test.held, diff)
		}
	}
}
