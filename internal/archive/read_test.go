package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/internal/archive"
)

// Whatever the form and the compression: the names, the platforms, and every blob with its bytes.
func TestForms(t *testing.T) {
	for name, data := range forms(t) {
		t.Run(name, func(t *testing.T) {
			i := mustRead(t, data)
			wantForm, wantRoot := archive.OCI, ""
			if strings.Contains(name, "docker") {
				wantForm = archive.Docker
			}
			if strings.HasPrefix(name, "deep") {
				wantRoot = "images/"
				if wantForm == archive.OCI {
					wantRoot = "backup/images/"
				}
			}
			wantCompression := archive.Plain
			for _, c := range []archive.Compression{archive.Gzip, archive.Zstd} {
				if strings.HasSuffix(name, string(c)) {
					wantCompression = c
				}
			}
			if i.Form != wantForm || i.Root != wantRoot || i.Compression != wantCompression || i.Size != int64(len(data)) {
				t.Errorf("%s %q %s %d", i.Form, i.Root, i.Compression, i.Size)
			}
			if len(i.Images) != 2 {
				t.Fatalf("%d images", len(i.Images))
			}
			names, bare := i.Images[0].Names, i.Images[1].Bare
			if i.Form == archive.Docker {
				if !slices.Equal(names, []string{"docker.io/library/app:1", "lab:5000/app:1"}) || bare != nil || i.Images[1].Names != nil {
					t.Errorf("names %q %q, bare %q", names, i.Images[1].Names, bare)
				}
			} else if !slices.Equal(names, []string{"docker.io/library/app:1"}) || !slices.Equal(bare, []string{"multi"}) {
				t.Errorf("names %q, bare %q", names, bare)
			}
			checkBlobs(t, i, data)

			text, err := json.Marshal(i)
			if err != nil {
				t.Fatal(err)
			}
			var again archive.Index
			if err := json.Unmarshal(text, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(i, again); diff != "" {
				t.Errorf("after JSON: %s", diff)
			}
		})
	}
}

// checkBlobs reads every blob in both ways, and that all that images refer to is there.
func checkBlobs(t *testing.T, i archive.Index, data []byte) {
	t.Helper()
	ctx, r := context.Background(), bytes.NewReader(data)
	all := slices.Collect(maps.Keys(i.Blobs))
	seen := map[digest.Digest]bool{}
	offset := int64(-1)
	err := i.Walk(ctx, r, append(all, all...), func(d digest.Digest, b archive.Blob, body io.Reader) error {
		if seen[d] || b.Data == nil && b.Offset < offset {
			t.Errorf("%s out of order", d)
		}
		seen[d], offset = true, max(offset, b.Offset)
		got, err := io.ReadAll(body)
		if err == nil && (digest.FromBytes(got) != d || int64(len(got)) != b.Size) {
			t.Errorf("%s: %d bytes of another digest", d, len(got))
		}
		if b.Data == nil && !b.Sparse && i.Compression == archive.Plain && !bytes.Equal(got, data[b.Offset:b.Offset+b.Size]) {
			t.Errorf("%s is not at its offset", d)
		}
		return err
	})
	if err != nil || len(seen) != len(all) {
		t.Errorf("%d of %d blobs: %v", len(seen), len(all), err)
	}
	// Unread ones are skipped.
	if err := i.Walk(ctx, r, all, func(_ digest.Digest, _ archive.Blob, body io.Reader) error {
		_, err := io.CopyN(io.Discard, body, 1)
		return err
	}); err != nil {
		t.Error(err)
	}
	for _, d := range all {
		body, err := i.Open(ctx, r, d)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); err != nil || digest.FromBytes(got) != d {
			t.Errorf("opening %s: %d bytes, %v", d, len(got), err)
		}
		body.Close()
	}
	for _, m := range i.Images {
		for _, c := range m.Manifests {
			for _, d := range append(slices.Clone(c.Layers), c.Config, c.Descriptor) {
				if b, ok := i.Blobs[d.Digest]; !ok || b.Size != d.Size {
					t.Errorf("%s is not there with %d bytes: %+v", d.Digest, d.Size, b)
				}
			}
			if len(c.DiffIDs) != len(c.Layers) {
				t.Errorf("%d layers, %d diff ids", len(c.Layers), len(c.DiffIDs))
			}
		}
	}
}

// Layers that are links, of both kinds and in a row.
func TestLinks(t *testing.T) {
	a := image(t, 1, "linux/amd64", 3)
	base := saved(t, tagged{a, []string{"a:1"}}, tagged{a, []string{"b:1"}})
	n := 0
	isLayer := func(name string) bool { return strings.HasSuffix(name, "/layer.tar") }
	moved := edit(base, isLayer, func(e entry) []entry {
		if e.link != "" {
			return []entry{e}
		}
		n++
		file := string(rune('p'+n)) + ".tar"
		if n == 2 {
			return []entry{{name: file, body: e.body}, {name: e.name, kind: tar.TypeLink, link: "./" + file}}
		}
		return []entry{{name: e.name, kind: tar.TypeSymlink, link: "../" + file}, {name: file, body: e.body}}
	})
	want := mustRead(t, pack(t, base...))
	for _, data := range [][]byte{pack(t, moved...), gzipped(t, pack(t, moved...))} {
		got := mustRead(t, data)
		if diff := cmp.Diff(want.Images, got.Images); diff != "" {
			t.Error(diff)
		}
		checkBlobs(t, got, data)
	}
	if len(want.Images) != 1 || len(want.Images[0].Names) != 2 {
		t.Errorf("one image under two names is %+v", want.Images)
	}
}

// Names that only PAX or GNU headers can hold.
func TestLongNames(t *testing.T) {
	a := image(t, 1, "linux/amd64", 2)
	deep := strings.Repeat("d", 120)
	entries := edit(saved(t, tagged{a, []string{"a:1"}}), func(string) bool { return true }, func(e entry) []entry {
		e.body = bytes.ReplaceAll(e.body, []byte("/layer.tar"), []byte("/"+deep+"/layer.tar"))
		e.name = strings.Replace(e.name, "/layer.tar", "/"+deep+"/layer.tar", 1)
		return []entry{e}
	})
	for _, format := range []tar.Format{tar.FormatPAX, tar.FormatGNU} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range entries {
			h := &tar.Header{Name: e.name, Size: int64(len(e.body)), Typeflag: tar.TypeReg, Format: format}
			if strings.HasSuffix(e.name, "/") {
				h.Typeflag = tar.TypeDir
			}
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			w.Write(e.body)
		}
		w.Close()
		checkBlobs(t, mustRead(t, b.Bytes()), b.Bytes())
		checkBlobs(t, mustRead(t, zstded(t, b.Bytes())), zstded(t, b.Bytes()))
	}
}

// An image that nothing else was said of has neither names nor bare ones.
func TestNames(t *testing.T) {
	a := image(t, 1, "linux/amd64", 1)
	for _, tt := range []struct {
		annotations map[string]string
		names, bare []string
	}{
		{nil, nil, nil},
		{map[string]string{"org.opencontainers.image.ref.name": "1"}, nil, []string{"1"}},
		{map[string]string{"org.opencontainers.image.ref.name": "latest"}, nil, []string{"latest"}},
		{map[string]string{"org.opencontainers.image.ref.name": "app:1"}, []string{"docker.io/library/app:1"}, nil},
		{map[string]string{"org.opencontainers.image.ref.name": "lab:5000/x/app"}, []string{"lab:5000/x/app:latest"}, nil},
		{map[string]string{"org.opencontainers.image.ref.name": "UPPER:1"}, nil, []string{"UPPER:1"}},
		{map[string]string{"io.containerd.image.name": "app", "org.opencontainers.image.ref.name": "x"}, []string{"docker.io/library/app:latest"}, nil},
	} {
		i := mustRead(t, pack(t, imageLayout(t, listed{a, tt.annotations})...))
		if len(i.Images) != 1 || !slices.Equal(i.Images[0].Names, tt.names) || !slices.Equal(i.Images[0].Bare, tt.bare) {
			t.Errorf("%v: %+v", tt.annotations, i.Images)
		}
	}
}

// An image is found by any of its names, in the long form and the short.
func TestImage(t *testing.T) {
	a, b := image(t, 1, "linux/amd64", 1), image(t, 2, "linux/amd64", 1)
	i := mustRead(t, pack(t, saved(t, tagged{a, []string{"app:1", "lab:5000/app:1"}}, tagged{b, nil})...))
	for _, name := range []string{"app:1", "docker.io/library/app:1", "lab:5000/app:1"} {
		if m, err := i.Image(name); err != nil || m.Target.Digest != i.Images[0].Target.Digest {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	_, err := i.Image("nginx")
	if want := "image docker.io/library/nginx:latest is not in the archive, but docker.io/library/app:1, " + i.Images[1].Target.Digest.String(); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := i.Image("A B"); err == nil {
		t.Error("a name that is none")
	}
}

// An index that was kept may have been changed by somebody: it does no harm.
func TestChangedIndex(t *testing.T) {
	data := pack(t, saved(t, tagged{image(t, 1, "linux/amd64", 1), nil})...)
	for _, data := range [][]byte{data, gzipped(t, data)} {
		i := mustRead(t, data)
		layer := i.Images[0].Manifests[0].Layers[0].Digest
		good := i.Blobs[layer]
		for _, b := range []archive.Blob{
			{Size: -1},
			{Size: good.Size, Offset: -512},
			{Size: good.Size, Offset: good.Offset + 1},
			{Size: good.Size + 1, Offset: good.Offset},
			{Size: 1 << 62, Offset: 1 << 62},
			{Size: good.Size, Offset: good.Offset, Sparse: true},
			{Size: good.Size, Data: []byte{}},
			{Size: 1, Data: []byte("x")},
			{},
		} {
			i.Blobs[layer] = b
			r, err := i.Open(context.Background(), bytes.NewReader(data), layer)
			if err == nil {
				_, err = io.ReadAll(r)
			}
			if err == nil {
				t.Errorf("read %+v instead of %+v", b, good)
			}
		}
		i.Blobs = map[digest.Digest]archive.Blob{"x": {}, "md5:x": {}}
		for d := range i.Blobs {
			if _, err := i.Open(context.Background(), bytes.NewReader(data), d); err == nil {
				t.Errorf("opened %q", d)
			}
		}
	}
}

// Compressed data in several pieces, after a frame that says nothing, and before padding.
func TestPieces(t *testing.T) {
	data := pack(t, saved(t, tagged{image(t, 1, "linux/amd64", 2), []string{"a:1"}})...)
	want := mustRead(t, data)
	half := len(data)/2 + 7
	for name, packed := range map[string][]byte{
		"gzip":              slices.Concat(gzipped(t, data[:half]), gzipped(t, data[half:]), make([]byte, 700)),
		"zstd":              slices.Concat([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00skip"), zstded(t, data[:half]), zstded(t, data[half:])),
		"zstd with padding": slices.Concat(zstded(t, data), make([]byte, 700)),
		"padded gzip":       gzipped(t, append(bytes.Clone(data), make([]byte, 1<<20)...)),
		"padded":            append(bytes.Clone(data), make([]byte, 1<<20)...),
		"two tars":          append(bytes.Clone(data), data[:512*5]...),
	} {
		i, err := read(packed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want.Images, i.Images); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		checkBlobs(t, i, packed)
	}
}
