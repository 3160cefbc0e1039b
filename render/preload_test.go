package render

import (
	"errors"
	"slices"
	"testing"

	"github.com/regsync/regsync/spec"
)

func TestPreload(t *testing.T) {
	image := func(digest string, size int64) Image {
		return Image{Target: Descriptor{Digest: digest}, Platform: "linux/amd64", Content: []Descriptor{{Digest: digest, Size: size}}}
	}
	one := Member{Names: []string{"docker.io/library/one:1"}, Image: image("sha256:1", 10), Arches: []string{"amd64"}}
	two := Member{Names: []string{"docker.io/library/two:2", "r.lab/two:2"}, Image: image("sha256:2", 5), Arches: []string{"amd64", "arm64"}}
	bare := Member{Bare: []string{"1"}, Image: image("sha256:3", 1)}
	wrong := Member{Names: []string{"r.lab/wrong:1"}, Err: errors.New("it is for linux/arm64")}
	archive := func(members ...Member) Inputs {
		return Inputs{Platform: "linux/amd64", Archives: []Archive{{Path: "/images/a.tar", Images: members}}}
	}
	cluster := archive(one, two)
	cluster.Nodes = []Neighbour{{Name: "b", Arch: "amd64"}, {Name: "c", Arch: "arm64"}}

	for name, tt := range map[string]struct {
		preload spec.Preload
		in      Inputs
		want    []string // in order: smallest first
		held    []string
	}{
		"all":           {spec.Preload{}, archive(one, two), []string{"docker.io/library/two:2", "r.lab/two:2", "docker.io/library/one:1"}, nil},
		"some":          {spec.Preload{Images: []string{"one:1"}}, archive(one, two), []string{"docker.io/library/one:1"}, nil},
		"one of names":  {spec.Preload{Images: []string{"r.lab/two:2"}}, archive(one, two), []string{"r.lab/two:2"}, nil},
		"not there":     {spec.Preload{Images: []string{"one:1", "three"}}, archive(one), []string{"docker.io/library/one:1"}, []string{"docker.io/library/three:latest"}},
		"another name":  {spec.Preload{As: map[string]string{"one:1": "r.lab/uno"}}, archive(one), []string{"docker.io/library/one:1", "r.lab/uno:latest"}, nil},
		"no name":       {spec.Preload{}, archive(bare, one), []string{"docker.io/library/one:1"}, []string{"/images/a.tar"}},
		"a name for it": {spec.Preload{As: map[string]string{"1": "r.lab/x:1"}}, archive(bare), []string{"r.lab/x:1"}, nil},
		"other node's":  {spec.Preload{}, archive(wrong, one), []string{"docker.io/library/one:1"}, []string{"r.lab/wrong:1"}},
		"not selected":  {spec.Preload{Images: []string{"one:1"}}, archive(wrong, bare, one), []string{"docker.io/library/one:1"}, nil},
		"every node": {
			spec.Preload{Nodes: "all"},
			cluster,
			[]string{
				"docker.io/library/two:2", "docker.io/library/two:2 on b", "docker.io/library/two:2 on c",
				"r.lab/two:2", "r.lab/two:2 on b", "r.lab/two:2 on c",
				"docker.io/library/one:1", "docker.io/library/one:1 on b",
			},
			[]string{"docker.io/library/one:1"},
		},
		"no archive": {spec.Preload{}, Inputs{}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tt.preload.Archive = "/images/a.tar"
			resources, held := images(&spec.Spec{Preload: []spec.Preload{tt.preload}}, tt.in)
			var got, back []string
			for _, r := range resources {
				got = append(got, r.String()[len("image "):])
			}
			for _, h := range held {
				back = append(back, h.Name)
				if h.Problem.Message == "" {
					t.Error("held back without a word")
				}
			}
			if !slices.Equal(got, tt.want) || !slices.Equal(back, tt.held) {
				t.Errorf("images %q, held back %q; want %q, %q", got, back, tt.want, tt.held)
			}
		})
	}
}

// TestPreloadTwice: two entries may ask for one image, and are told where they disagree.
func TestPreloadTwice(t *testing.T) {
	s := &spec.Spec{Preload: []spec.Preload{{Archive: "/a"}, {Archive: "/b", Pin: true}, {Archive: "/c"}, {Image: "docker.io/library/p:1", Refresh: true}}}
	member := func(digest string) []Member {
		return []Member{{Names: []string{"r.lab/x:1"}, Image: Image{Target: Descriptor{Digest: digest}}}}
	}
	in := Inputs{Archives: []Archive{{Entry: 0, Path: "/a", Images: member("sha256:1")}, {Entry: 1, Path: "/b", Images: member("sha256:1")}, {Entry: 2, Path: "/c", Images: member("sha256:2")}}}
	resources, held := images(s, in)
	if len(resources) != 2 || len(held) != 1 {
		t.Fatalf("%+v, held back %+v", resources, held)
	}
	pulled, x := resources[0], resources[1]
	if pulled.Name != "docker.io/library/p:1" || !pulled.Image.Refresh || pulled.Image.Archive != "" {
		t.Errorf("pulled: %+v", pulled.Image)
	}
	if !x.Image.Pin || x.Image.Archive != "/a" || x.Image.Target.Digest != "sha256:1" {
		t.Errorf("twice: %+v", x.Image)
	}
}
