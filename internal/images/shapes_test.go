package images

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/test/rig"
)

// An index whose other platforms are not in the archive, as Docker saves it since 29, is brought for the one platform. A layer that stands
// twice in a manifest is one blob and two snapshots. All of it outlives the garbage collector.
func TestImportShapes(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		from := newArchive()
		twice := layer(t, 1000)
		image := from.index(t, from.image(t, twice, packed(t, 5000), twice))
		image.Pin = true
		scratch := from.image(t)
		want := both(named(image, "harbor.lab/index:1"), named(scratch, "harbor.lab/scratch:1"))
		n.bring(t, from, want)
		n.collect(t)
		n.converged(t, want)
		n.nothingUnderWay(t)
		for name := range want {
			if seen, err := n.CRI.Status(t.Context(), name); err != nil || seen == nil {
				t.Errorf("CRI on %s: %v, %v", name, seen, err)
			}
		}
		for name, image := range want {
			if err := n.Remove(t.Context(), name, image); err != nil {
				t.Fatal(err)
			}
		}
		n.empty(t)
	})
}

// The snapshotter is the one that the CRI starts containers from.
func TestSnapshotter(t *testing.T) {
	for _, release := range rig.Releases {
		t.Run(release.Name, func(t *testing.T) {
			if !rig.Isolated(t) {
				return
			}
			// Without a table of runtimes containerd 2.x drops the snapshotter of a version-2 config (plugins/cri/images, migrateConfig).
			config := rig.StockConfig + `
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`
			if err := os.MkdirAll(filepath.Dir(rig.ContainerdConfig), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(rig.ContainerdConfig, []byte(config), 0o644); err != nil {
				t.Fatal(err)
			}
			n := startNode(t, release)
			if got := n.snapshotter; got != "native" {
				t.Fatalf("snapshotter %q", got)
			}
			from := newArchive()
			want := named(from.image(t, layer(t, 1000), layer(t, 2000)), "harbor.lab/app:1")
			n.bring(t, from, want)
			n.converged(t, want)
			inside, err := filepath.Glob(filepath.Join(n.dir, "containerd", "io.containerd.snapshotter.v1.native", "snapshots", "*"))
			if err != nil || len(inside) == 0 {
				t.Errorf("nothing in native: %v, %v", inside, err)
			}
		})
	}
}

// What cannot be an image is said before anything is written.
func TestArrange(t *testing.T) {
	blob := func(mt types.MediaType, c string) render.Descriptor {
		return render.Descriptor{MediaType: string(mt), Digest: "sha256:" + strings.Repeat(c, 64), Size: 1}
	}
	manifest, config, layer := blob(types.OCIManifestSchema1, "a"), blob(types.OCIConfigJSON, "b"), blob(types.OCILayer, "c")
	for name, c := range map[string]struct {
		image render.Image
		says  string
	}{
		"no manifest":       {render.Image{Content: []render.Descriptor{config}}, "is no manifest"},
		"a layer too few":   {render.Image{Content: []render.Descriptor{manifest, config}, DiffIDs: []string{layer.Digest}}, "0 layers, the configuration 1"},
		"two sizes":         {render.Image{Content: []render.Descriptor{manifest, {MediaType: config.MediaType, Digest: manifest.Digest, Size: 2}}}, "is of 1 and of 2 bytes"},
		"nothing is wanted": {render.Image{}, "no content"},
	} {
		t.Run(name, func(t *testing.T) {
			c.image.Target = manifest
			err := new(Store).Import(t.Context(), newArchive(), named(c.image, "harbor.lab/app:1"), nil)
			var image *ImageError
			if !errors.As(err, &image) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// The labels are what containerd's garbage collector follows.
func TestLabels(t *testing.T) {
	from := newArchive()
	image := from.index(t, from.image(t, layer(t, 10), packed(t, 10)))
	w, all := &whole{Image: image}, map[string]*blob{}
	if err := w.arrange(all, "native"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"containerd.io/gc.ref.content.m.0": image.Content[1].Digest},
		{
			"containerd.io/gc.ref.content.config": image.Content[2].Digest,
			"containerd.io/gc.ref.content.l.0":    image.Content[3].Digest,
			"containerd.io/gc.ref.content.l.1":    image.Content[4].Digest,
		},
		{"containerd.io/gc.ref.snapshot.native": chainID(image.DiffIDs)},
		{"containerd.io/uncompressed": image.DiffIDs[0]},
		{"containerd.io/uncompressed": image.DiffIDs[1]},
	} {
		if diff := cmp.Diff(want, all[image.Content[i].Digest].labels); diff != "" {
			t.Errorf("of %s (-want +got):\n%s", image.Content[i].MediaType, diff)
		}
	}
}
