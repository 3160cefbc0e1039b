package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/internal/archive"
)

// entry is a file of a tar, or with a link's type a link.
type entry struct {
	name string
	body []byte
	link string
	kind byte
}

func text(name, body string) entry { return entry{name: name, body: []byte(body)} }

// pack makes a tar.
func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body)), Typeflag: tar.TypeReg, Linkname: e.link}
		if e.kind != 0 {
			h.Typeflag = e.kind
		} else if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// image makes an image of random layers, the same for the same seed.
func image(t testing.TB, seed int64, platform string, layers int) v1.Image {
	t.Helper()
	img, err := random.Image(700, int64(layers), random.WithSource(rand.NewSource(seed)))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// asOCI gives an image the media types of OCI.
func asOCI(t testing.TB, img v1.Image) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	out := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range layers {
		out, err = mutate.AppendLayers(out, static.NewLayer(gzipped(t, uncompressed(t, l)), types.OCILayer))
		if err != nil {
			t.Fatal(err)
		}
	}
	config = config.DeepCopy()
	if out, err = mutate.ConfigFile(out, config); err != nil {
		t.Fatal(err)
	}
	return out
}

// withHoles adds an uncompressed layer that has long runs of zeros.
func withHoles(t testing.TB, img v1.Image) v1.Image {
	t.Helper()
	body := make([]byte, 1<<20)
	copy(body[300<<10:], "in the middle")
	layer := static.NewLayer(pack(t, entry{name: "sparse", body: body}), types.OCIUncompressedLayer)
	img, err := mutate.AppendLayers(img, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func index(t testing.TB, images ...v1.Image) v1.ImageIndex {
	t.Helper()
	var out v1.ImageIndex = empty.Index
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		out = mutate.AppendManifests(out, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: config.Platform()}})
	}
	return out
}

type tagged struct {
	image v1.Image
	tags  []string
}

// saved gives what docker save of 20.10 writes: a legacy directory for each layer, a link where a layer is shared, manifest.json at the end.
func saved(t testing.TB, images ...tagged) []entry {
	t.Helper()
	var out []entry
	type element struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var list []element
	shared := map[string]string{}
	for n, i := range images {
		config, err := i.image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		name, err := i.image.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		layers, err := i.image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, entry{name: name.Hex + ".json", body: config})
		m := element{Config: name.Hex + ".json", RepoTags: i.tags}
		for k, l := range layers {
			id, err := l.DiffID()
			if err != nil {
				t.Fatal(err)
			}
			dir := id.Hex[:60] + string(rune('a'+n)) + string(rune('a'+k)) + "ff"
			out = append(out, entry{name: dir + "/"}, text(dir+"/VERSION", "1.0"), text(dir+"/json", `{"id":"`+dir+`","config":{"Env":null}}`))
			if first, ok := shared[id.Hex]; ok {
				out = append(out, entry{name: dir + "/layer.tar", kind: tar.TypeSymlink, link: "../" + first + "/layer.tar"})
			} else {
				shared[id.Hex] = dir
				out = append(out, entry{name: dir + "/layer.tar", body: uncompressed(t, l)})
			}
			m.Layers = append(m.Layers, dir+"/layer.tar")
		}
		list = append(list, m)
	}
	manifest, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return append(out, entry{name: "manifest.json", body: manifest}, text("repositories", "{}"))
}

func uncompressed(t testing.TB, l v1.Layer) []byte {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type listed struct {
	image       partial.Describable // v1.Image or v1.ImageIndex
	annotations map[string]string
}

// imageLayout gives the files of an OCI layout.
func imageLayout(t testing.TB, images ...listed) []entry {
	t.Helper()
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		switch image := i.image.(type) {
		case v1.Image:
			err = p.AppendImage(image, layout.WithAnnotations(i.annotations))
		case v1.ImageIndex:
			err = p.AppendIndex(image, layout.WithAnnotations(i.annotations))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var out []entry
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		if err != nil || rel == "." {
			return err
		}
		if d.IsDir() {
			out = append(out, entry{name: rel + "/"})
			return nil
		}
		body, err := os.ReadFile(name)
		out = append(out, entry{name: rel, body: body})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// edit changes the entries of a name; without a change it leaves them out.
func edit(entries []entry, match func(string) bool, change func(entry) []entry) []entry {
	var out []entry
	for _, e := range entries {
		if !match(e.name) {
			out = append(out, e)
		} else if change != nil {
			out = append(out, change(e)...)
		}
	}
	return out
}

func named(name string) func(string) bool { return func(n string) bool { return n == name } }

func below(dir string, entries []entry) []entry {
	var out []entry
	for _, e := range entries {
		e.name = dir + e.name
		out = append(out, e)
	}
	return out
}

func read(data []byte) (archive.Index, error) {
	return archive.Read(context.Background(), bytes.NewReader(data), int64(len(data)))
}

func mustRead(t testing.TB, data []byte) archive.Index {
	t.Helper()
	i, err := read(data)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// crane gives what crane and others make with go-containerregistry: compressed layers with the digest in the name, sha256:HEX as the name of
// the configuration.
func crane(t testing.TB) []byte {
	t.Helper()
	images := map[name.Tag]v1.Image{}
	for n, tag := range []string{"app:1", "app:2", "lab:5000/app:3"} {
		ref, err := name.NewTag(tag)
		if err != nil {
			t.Fatal(err)
		}
		images[ref] = image(t, int64(n/2), "linux/amd64", 2)
	}
	var b bytes.Buffer
	if err := tarball.MultiWrite(images, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// blob gives the bytes of a blob.
func blob(t testing.TB, data []byte, i archive.Index, d digest.Digest) []byte {
	t.Helper()
	r, err := i.Open(context.Background(), bytes.NewReader(data), d)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forms are archives of the same image in many forms.
func forms(t testing.TB) map[string][]byte {
	a, b := image(t, 1, "linux/amd64", 3), image(t, 2, "linux/arm64", 2)
	docker := saved(t, tagged{a, []string{"app:1", "lab:5000/app:1"}}, tagged{b, nil})
	oci := imageLayout(t,
		listed{a, map[string]string{"io.containerd.image.name": "docker.io/library/app:1", "org.opencontainers.image.ref.name": "1"}},
		listed{index(t, a, b), map[string]string{"org.opencontainers.image.ref.name": "multi"}})
	both := append(edit(oci, named("none"), nil), docker...)
	out := map[string][]byte{}
	for name, entries := range map[string][]entry{
		"docker": docker, "oci": oci, "both": both,
		"dotted docker": below("./", docker), "dotted oci": below("./", oci),
		"deep oci": below("./backup/images/", oci), "deep docker": below("images/", docker),
	} {
		data := pack(t, entries...)
		out[name] = data
		out[name+" gzip"] = gzipped(t, data)
		out[name+" zstd"] = zstded(t, data)
	}
	return out
}
