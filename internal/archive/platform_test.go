package archive_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/internal/archive"
)

func TestForPlatform(t *testing.T) {
	var images []v1.Image
	for n, p := range []string{"linux/arm/v5", "linux/arm/v7", "linux/arm/v6", "linux/arm64", "linux/386", "linux/s390x"} {
		images = append(images, image(t, int64(n+1), p, 1+n))
	}
	attestation := image(t, 9, "unknown/unknown", 1)
	all := index(t, append(images, attestation)...)
	nested := mutate.AppendManifests(index(t, images[3]), mutate.IndexAddendum{Add: index(t, images[:3]...)}, mutate.IndexAddendum{Add: index(t, images[4:]...)})
	// Without a platform in the index, that of the configuration counts.
	silent := mutate.AppendManifests(index(t, images[5]), mutate.IndexAddendum{Add: images[4]}, mutate.IndexAddendum{Add: images[2]})
	for name, index := range map[string]v1.ImageIndex{"index": all, "nested": nested} {
		data := pack(t, imageLayout(t, listed{index, nil})...)
		i := mustRead(t, data)
		if n := len(i.Images[0].Manifests); n != 6 {
			t.Fatalf("%s: %d manifests", name, n)
		}
		for wanted, want := range map[string]string{
			"linux/arm/v8": "linux/arm/v7", "linux/arm/v7": "linux/arm/v7", "linux/arm/v6": "linux/arm/v6", "linux/arm/v5": "linux/arm/v5",
			"linux/arm64": "linux/arm64", "linux/arm64/v9": "linux/arm64", "linux/amd64": "linux/386", "linux/s390x": "linux/s390x",
		} {
			m, err := i.Images[0].ForPlatform(platforms.MustParse(wanted))
			checkWalk(t, data, i, m)
			if err != nil || platforms.FormatAll(platforms.Normalize(*m.Platform)) != platforms.FormatAll(platforms.Normalize(platforms.MustParse(want))) {
				t.Errorf("%s: %s is served by %+v, %v", name, wanted, m.Platform, err)
			}
		}
		_, err := i.Images[0].ForPlatform(platforms.MustParse("linux/riscv64"))
		if err == nil || !strings.HasPrefix(err.Error(), "image "+i.Images[0].Target.Digest.String()+" is for linux/arm") || !strings.HasSuffix(err.Error(), ", not for linux/riscv64") {
			t.Errorf("%s: %v", name, err)
		}
	}
	i := mustRead(t, pack(t, imageLayout(t, listed{silent, nil})...))
	if m, err := i.Images[0].ForPlatform(platforms.MustParse("linux/arm/v7")); err != nil || m.Platform.Variant != "v6" {
		t.Errorf("platform of the configuration: %+v, %v", m.Platform, err)
	}
	i = mustRead(t, pack(t, saved(t, tagged{images[3], []string{"a:1"}})...))
	_, err := i.Images[0].ForPlatform(platforms.MustParse("linux/amd64"))
	if want := "image docker.io/library/a:1 is for linux/arm64, not for linux/amd64"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// checkWalk follows the indexes of a manifest from the target down.
func checkWalk(t *testing.T, data []byte, i archive.Index, m archive.Manifest) {
	t.Helper()
	at := i.Images[0].Target.Digest
	for _, next := range append(slices.Clone(m.Through[1:]), m.Descriptor) {
		if !bytes.Contains(blob(t, data, i, at), []byte(next.Digest)) {
			t.Errorf("%s does not lead to %s", at, next.Digest)
		}
		at = next.Digest
	}
	all := m.Blobs()
	if n := len(m.Layers) + 2 + len(m.Through); len(all) != n || all[n-1].Digest != i.Images[0].Target.Digest || m.Bytes() < m.Layers[0].Size {
		t.Errorf("%d blobs, want %d, the target at the end", len(all), n)
	}
}

// An index whose other platforms were left out, as docker save of 29 writes it.
func TestMissing(t *testing.T) {
	here, gone, torn := image(t, 1, "linux/amd64", 2), image(t, 2, "linux/arm64", 2), image(t, 3, "linux/s390x", 3)
	entries := imageLayout(t, listed{index(t, here, gone, torn), map[string]string{"io.containerd.image.name": "docker.io/library/a:1"}})
	drop := map[string]bool{}
	for _, l := range layersOf(t, gone) {
		drop[l] = true
	}
	manifest, _ := gone.Digest()
	config, _ := gone.ConfigName()
	drop[manifest.Hex], drop[config.Hex] = true, true
	tornLayer := layersOf(t, torn)[1]
	drop[tornLayer] = true
	data := pack(t, edit(entries, func(name string) bool { return drop[strings.TrimPrefix(name, "blobs/sha256/")] }, nil)...)
	for _, data := range [][]byte{data, gzipped(t, data)} {
		i := mustRead(t, data)
		m, err := i.Images[0].ForPlatform(platforms.MustParse("linux/amd64"))
		if err != nil || len(m.Layers) != 2 || len(m.DiffIDs) != 2 || m.Missing != nil {
			t.Errorf("what is there: %+v, %v", m, err)
		}
		for wanted, said := range map[string]string{
			"linux/arm64": "image docker.io/library/a:1 for linux/arm64: manifest " + manifest.String() + " is missing: the archive was saved without it",
			"linux/s390x": "image docker.io/library/a:1 for linux/s390x: layer sha256:" + tornLayer + " is missing: the archive was saved without it",
		} {
			_, err := i.Images[0].ForPlatform(platforms.MustParse(wanted))
			if err == nil || err.Error() != said {
				t.Errorf("%v, want %s", err, said)
			}
		}
	}
}

func layersOf(t *testing.T, img v1.Image) (hex []string) {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		d, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		hex = append(hex, d.Hex)
	}
	return hex
}

// What is no container image is no image: artifacts, attestations.
func TestArtifacts(t *testing.T) {
	a := image(t, 1, "linux/amd64", 1)
	chart := mutate.ConfigMediaType(image(t, 2, "linux/amd64", 1), "application/vnd.cncf.helm.config.v1+json")
	i := mustRead(t, pack(t, imageLayout(t, listed{a, nil}, listed{chart, nil})...))
	if len(i.Images) != 1 {
		t.Errorf("%d images", len(i.Images))
	}
	i = mustRead(t, pack(t, imageLayout(t, listed{chart, map[string]string{"org.opencontainers.image.ref.name": "lab/chart:1"}})...))
	if _, err := i.Images[0].ForPlatform(platforms.MustParse("linux/amd64")); err == nil || !strings.HasPrefix(err.Error(), "image docker.io/lab/chart:1 is no container image") {
		t.Errorf("a chart: %v", err)
	}
}

// Whatever is cut off, it is noticed, or it was nothing of the images.
func TestTruncated(t *testing.T) {
	good := pack(t, saved(t, tagged{image(t, 1, "linux/amd64", 2), []string{"a:1"}})...)
	whole := mustRead(t, good)
	for n := 0; n < len(good); n += 61 {
		if i, err := read(good[:n]); err == nil && !cmp.Equal(i.Blobs, whole.Blobs) {
			t.Errorf("nothing is said of the first %d of %d bytes", n, len(good))
		}
	}
	for _, packed := range [][]byte{gzipped(t, good), zstded(t, good)} {
		for n := 0; n < len(packed); n += 17 {
			if _, err := read(packed[:n]); err == nil {
				t.Errorf("nothing is said of the first %d of %d compressed bytes", n, len(packed))
			}
		}
	}
}

// Other tools write compressed layers, with the digest in the name or without, and zstd ones that containerd calls gzip.
func TestCompressedLayers(t *testing.T) {
	a := image(t, 1, "linux/amd64", 4)
	n := 0
	isLayer := func(name string) bool { return strings.HasSuffix(name, "/layer.tar") }
	var names []string
	entries := edit(saved(t, tagged{a, []string{"a:1"}}), isLayer, func(e entry) []entry {
		n++
		packed := gzipped(t, e.body)
		name := e.name // docker's own kind of name: not the digest
		switch n {
		case 2:
			name = digest.FromBytes(packed).Encoded() + ".tar.gz"
		case 3:
			packed = zstded(t, e.body)
			name = "blobs/sha256/" + digest.FromBytes(packed).Encoded()
		case 4:
			name = digest.FromBytes(e.body).Encoded() + ".tar" // of the plain tar
		}
		names = append(names, e.name, name)
		return []entry{{name: name, body: packed}}
	})
	rename := strings.NewReplacer(names...)
	entries = edit(entries, named("manifest.json"), func(e entry) []entry {
		e.body = []byte(rename.Replace(string(e.body)))
		return []entry{e}
	})
	data := pack(t, entries...)
	i := mustRead(t, data)
	if again := mustRead(t, zstded(t, data)); i.Images[0].Target.Digest != again.Images[0].Target.Digest {
		t.Error("another target in a compressed archive")
	}
	checkBlobs(t, i, data)
	for version, open := range importers {
		targets, _, err := open(t.TempDir(), data)
		if err != nil {
			t.Fatal(version, err)
		}
		agree(t, i, targets)
	}
	var types []string
	for _, l := range i.Images[0].Manifests[0].Layers {
		types = append(types, l.MediaType)
	}
	if types = slices.Compact(types); len(types) != 1 || !strings.HasSuffix(types[0], "diff.tar.gzip") {
		t.Errorf("layers of types %q", types)
	}
}

func TestCrane(t *testing.T) {
	data := crane(t)
	for _, data := range [][]byte{data, zstded(t, data)} {
		i := mustRead(t, data)
		if len(i.Images) != 2 || len(i.Blobs) != 2*(2+2) {
			t.Errorf("%d images, %d blobs", len(i.Images), len(i.Blobs))
		}
		checkBlobs(t, i, data)
	}
}

// A name that promises a digest that its content has not is found out when it is read.
func TestWrongName(t *testing.T) {
	a := image(t, 1, "linux/amd64", 1)
	wrong := strings.Repeat("ab", 32)
	entries := edit(saved(t, tagged{a, nil}), func(string) bool { return true }, func(e entry) []entry {
		if strings.HasSuffix(e.name, "/layer.tar") {
			return []entry{{name: wrong + ".tar.gz", body: gzipped(t, e.body)}}
		}
		if e.name == "manifest.json" {
			at := bytes.Index(e.body, []byte(`"Layers":["`)) + len(`"Layers":["`)
			e.body = append(append(bytes.Clone(e.body[:at]), wrong+`.tar.gz"]}]`...), "\n"...)
		}
		return []entry{e}
	})
	data := pack(t, entries...)
	i := mustRead(t, data)
	r, err := i.Open(t.Context(), bytes.NewReader(data), digest.Digest("sha256:"+wrong))
	if err == nil {
		_, err = r.Read(make([]byte, 1<<20))
	}
	if err == nil || !strings.Contains(err.Error(), "its bytes have digest") {
		t.Error(err)
	}
}
