package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/internal/archive"
)

// What is wrong is said, and what to do about it.
func TestProblems(t *testing.T) {
	a, b := image(t, 1, "linux/amd64", 2), image(t, 2, "linux/amd64", 2)
	docker := saved(t, tagged{a, []string{"a:1"}})
	oci := imageLayout(t, listed{a, map[string]string{"org.opencontainers.image.ref.name": "1"}})
	good := pack(t, docker...)
	isConfig := func(name string) bool { return strings.HasSuffix(name, ".json") && len(name) == 64+5 }
	isLayer := func(name string) bool { return strings.HasSuffix(name, "/layer.tar") }
	digestOf, err := a.Digest()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) func(entry) []entry {
		return func(e entry) []entry {
			if !bytes.Contains(e.body, []byte(old)) {
				t.Fatalf("%q has no %q", e.name, old)
			}
			e.body = bytes.ReplaceAll(e.body, []byte(old), []byte(new))
			return []entry{e}
		}
	}
	twice := func(e entry) []entry {
		other := e
		other.body = append(bytes.Clone(e.body), '\n')
		return []entry{e, other}
	}
	var nines bytes.Buffer
	fmt.Fprintf(&nines, `[{"Config":"c.json","Layers":[%s""]}]`, strings.Repeat(`"",`, 10_000))
	var many []entry
	for i := range 20_001 {
		many = append(many, text(fmt.Sprintf("f%d", i), ""))
	}
	rootfs := []entry{{name: "bin", kind: tar.TypeSymlink, link: "usr/bin"}, {name: "etc/"}, text("etc/passwd", ""), {name: "usr/"}, {name: "var/"}}

	for _, tt := range []struct {
		name string
		data []byte
		said string
		hint string
	}{
		{"empty file", nil, "the file is empty", "copy it again"},
		{"empty tar", pack(t), "the tar is empty", "docker save"},
		{"truncated in a layer", good[:len(good)/2], "the tar is truncated: it ends within the entry at offset ", "copy it again"},
		{"truncated in a header", good[:512*4+100], "the tar is truncated: it ends within the entry at offset ", "copy it again"},
		{"cut at a header", good[:512*4], "the tar has no end marker and no manifest.json or oci-layout: it is truncated", "copy it again"},
		{"one block", good[:300], "the tar is truncated: it ends within the entry at offset 0", "copy it again"},
		{"broken header", append(bytes.Clone(good[:512*4]), bytes.Repeat([]byte{7}, 4096)...), "the tar is broken: there is no header at offset 2048", "copy it again"},
		{"truncated gzip", gzipped(t, good)[:1500], "gzip data end too early, after ", "copy it again"},
		{"truncated gzip header", gzipped(t, good)[:6], "gzip data end too early, after 0 bytes of the tar", "copy it again"},
		{"truncated zstd", zstded(t, good)[:1500], "zstd data end too early, after ", "copy it again"},
		{"gzip checksum", flip(gzipped(t, good), -6), "gzip data are damaged: gzip: invalid checksum", "copy it again"},
		{"zstd checksum", flip(zstded(t, good), -2), "zstd data are damaged: ", "copy it again"},
		{"gzip of text", gzipped(t, []byte("hello")), "the file is compressed by gzip, but holds no tar", "docker save"},
		{"gzip of long text", gzipped(t, bytes.Repeat([]byte("hello"), 1000)), "the file is compressed by gzip, but holds no tar", "docker save"},
		{"gzip of gzip", gzipped(t, gzipped(t, good)), "the file is compressed twice, by gzip and gzip", "decompress"},
		{"xz", []byte("\xfd7zXZ\x00\x00\x04"), "the file is compressed by xz, which is not read", "xz -d"},
		{"bzip2", []byte("BZh91AY&SY"), "the file is compressed by bzip2, which is not read", "bzip2 -d"},
		{"lfs", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "the file is a pointer of Git LFS instead of the file", "git lfs pull"},
		{"html", []byte("\n<!doctype html><title>Sign in</title>"), "the file is a web page, not a tar", "login page"},
		{"zip", []byte("PK\x03\x04"), "the file is a zip file", "unpack"},
		{"text", []byte("hello"), "the file is neither a tar nor a tar compressed by gzip or zstd", "docker save"},
		{"zeros", make([]byte, 10), "the file is neither a tar nor a tar compressed by gzip or zstd", "docker save"},

		{"absolute", pack(t, append(docker, text("/etc/passwd", ""))...), `the tar has an entry "/etc/passwd" at offset `, ""},
		{"traversal", pack(t, append(docker, text("a/../../b", ""))...), `the tar has an entry "a/../../b" at offset `, ""},
		{"long name", pack(t, append(docker, text(strings.Repeat("n", 5000), ""))...), "with a name of more than 4096 bytes", ""},
		{"huge header", longLink(t, good), "the tar is broken at offset 0", "copy it again"},
		{"many files", pack(t, many...), "the tar has more files than an image archive may have here", ""},
		{"loop", pack(t, edit(docker, isLayer, func(e entry) []entry { return []entry{{name: e.name, kind: tar.TypeSymlink, link: "layer.tar"}} })...), "is a link that leads nowhere", ""},
		{"dangling", pack(t, edit(docker, isLayer, func(e entry) []entry { return []entry{{name: e.name, kind: tar.TypeSymlink, link: "../x"}} })...), `is a link to "x", which is missing`, ""},
		{"outward", pack(t, edit(docker, isLayer, func(e entry) []entry { return []entry{{name: e.name, kind: tar.TypeSymlink, link: "../../x"}} })...), "is a link that leaves the archive", ""},
		{"outward hard", pack(t, edit(docker, isLayer, func(e entry) []entry { return []entry{{name: e.name, kind: tar.TypeLink, link: "/x"}} })...), "is a link that leaves the archive", ""},
		{"manifest.json twice", pack(t, edit(docker, named("manifest.json"), twice)...), `"manifest.json" is in the archive more than once, and not the same`, ""},
		{"layer twice", pack(t, edit(docker, isLayer, twice)...), "is in the archive more than once, and not the same", ""},
		{"config twice", pack(t, edit(docker, isConfig, twice)...), "is in the archive more than once, and not the same", ""},
		{"index twice", pack(t, edit(oci, named("index.json"), twice)...), `"index.json" is in the archive more than once, and not the same`, ""},
		{"two layouts", pack(t, append(below("a/", oci), below("b/", oci)...)...), `the tar has several archives in it: in "a/" and in "b/"`, "tar of its own"},

		{"no layer", pack(t, edit(docker, isLayer, nil)...), "image a:1: layer sha256:", "docker save"},
		{"no config", pack(t, edit(docker, isConfig, nil)...), "image a:1: the configuration ", "docker save"},
		{"other config", pack(t, edit(docker, isConfig, replace("linux", "minix"))...), "is not what its name says: it has digest sha256:", "copy it again"},
		{"no JSON", pack(t, edit(docker, isConfig, replace("{", "["))...), `reading "`, ""},
		{"too few layers", pack(t, edit(docker, named("manifest.json"), replace(`"Layers":["`, `"Layers":["x","`))...), "the configuration has 2 layers, manifest.json has 3", ""},
		{"bad tag", pack(t, edit(docker, named("manifest.json"), replace("a:1", "A B:1"))...), `a tag of manifest.json is no name: image name "A B:1": `, ""},
		{"config outside", pack(t, edit(docker, named("manifest.json"), replace(`"Config":"`, `"Config":"../`))...), `the configuration is named "../`, ""},
		{"layer outside", pack(t, edit(docker, named("manifest.json"), replace(`"Layers":["`, `"Layers":["/`))...), `a layer is named "/`, ""},
		{"no images", pack(t, text("manifest.json", "[]")), "manifest.json of the archive lists no image", ""},
		{"long list", pack(t, entry{name: "manifest.json", body: nines.Bytes()}), "a list of more than 10000", ""},
		{"big manifest.json", pack(t, entry{name: "manifest.json", body: make([]byte, 5<<20)}), "and no manifest or configuration has more than", ""},
		{"one name, two images", pack(t, saved(t, tagged{a, []string{"a:1"}}, tagged{b, []string{"docker.io/library/a:1"}})...), `two images of the archive are called "docker.io/library/a:1"`, "different names"},

		{"OCI version", pack(t, edit(oci, named("oci-layout"), replace("1.0.0", "2.0.0"))...), `oci-layout has version "2.0.0"`, ""},
		{"no index.json", pack(t, edit(oci, named("index.json"), nil)...), "the tar has an oci-layout, but no index.json", ""},
		{"no oci-layout", pack(t, edit(oci, named("oci-layout"), nil)...), "the tar has an index.json, but no oci-layout", "oci-layout"},
		{"empty index", pack(t, text("oci-layout", `{"imageLayoutVersion":"1.0.0"}`), text("index.json", `{"manifests":[]}`)), "index.json lists no image", ""},
		{"bad digest", pack(t, text("oci-layout", `{"imageLayoutVersion":"1.0.0"}`), text("index.json", `{"manifests":[{"digest":"sha256:x"}]}`)), `manifests[0]: digest "sha256:x": `, ""},
		{"other manifest", pack(t, edit(oci, named("blobs/sha256/"+digestOf.Hex), replace("layers", "LAYERS"))...), "is not what its name says: it has digest sha256:", "copy it again"},
		{"longer manifest", pack(t, edit(oci, named("blobs/sha256/"+digestOf.Hex), replace("{", "{ "))...), "and what refers to it says", "copy it again"},

		{"docker export", pack(t, rootfs...), "the tar holds a root file system", "docker commit"},
		{"skopeo dir", pack(t, text("version", "Directory Transport Version: 1.1\n"), text("manifest.json", `{"schemaVersion":2}`)), "skopeo's dir: transport", "oci-archive:"},
		{"old docker", pack(t, text("repositories", "{}"), text("x/layer.tar", "")), "saved by a Docker before 1.10", "docker save"},
		{"archives within", pack(t, text("nginx.tar.gz", "")), `other archives: "nginx.tar.gz"`, "unpack it"},
		{"photos", pack(t, text("photos/a.jpg", "")), "the tar holds no image", "docker save"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, tt.data, tt.said, tt.hint)
			if detectable := len(tt.data) > 2048 && !strings.Contains(tt.name, "gzip") && !strings.Contains(tt.name, "zstd"); detectable {
				// Compressed, it is the same.
				check(t, gzipped(t, tt.data), tt.said, tt.hint)
			}
		})
	}
}

func check(t *testing.T, data []byte, said, hint string) {
	t.Helper()
	_, err := read(data)
	var p *archive.Problem
	if !errors.As(err, &p) || p.Error() != err.Error() || !strings.Contains(err.Error(), said) || !strings.Contains(p.Hint, hint) {
		t.Errorf("%v, hint %q;\nwant %q, hint %q", err, hintOf(p), said, hint)
	}
}

func hintOf(p *archive.Problem) string {
	if p == nil {
		return ""
	}
	return p.Hint
}

// longLink puts before a tar the header of a name of 2 MiB, as GNU tar writes long names.
func longLink(t *testing.T, rest []byte) []byte {
	t.Helper()
	data := pack(t, entry{name: "././@LongLink", body: bytes.Repeat([]byte("n"), 2<<20)})
	sum := 0
	data[156] = 'L'
	copy(data[148:156], "        ")
	for _, b := range data[:512] {
		sum += int(b)
	}
	copy(data[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return append(data[:len(data)-1024], rest...)
}

// flip changes a byte, counted from the end.
func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[len(data)+at] ^= 1
	return data
}

// Errors of the file and of the caller stay what they are.
func TestForeignErrors(t *testing.T) {
	good := pack(t, saved(t, tagged{image(t, 1, "linux/amd64", 2), nil})...)
	for _, data := range [][]byte{good, gzipped(t, good), zstded(t, good)} {
		for _, at := range []int64{0, 700} {
			_, err := archive.Read(context.Background(), &sick{bytes.NewReader(data), at}, int64(len(data)))
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("reading a sick file: %v", err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := archive.Read(ctx, bytes.NewReader(data), int64(len(data))); !errors.Is(err, context.Canceled) {
			t.Errorf("called off: %v", err)
		}
	}
}

// sick is a file that cannot be read from some offset on.
type sick struct {
	*bytes.Reader
	at int64
}

func (s *sick) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > s.at {
		return 0, io.ErrClosedPipe
	}
	return s.Reader.ReadAt(p, off)
}

// Bytes that are not those of their digest are found out when they are read.
func TestDamagedBlob(t *testing.T) {
	a := image(t, 1, "linux/amd64", 2)
	good := pack(t, saved(t, tagged{a, nil})...)
	i := mustRead(t, good)
	layer := i.Images[0].Manifests[0].Layers[1].Digest
	damaged := bytes.Clone(good)
	damaged[i.Blobs[layer].Offset+600] ^= 1
	if _, err := read(damaged); err != nil {
		t.Fatalf("layers are not read: %v", err)
	}
	for _, data := range [][]byte{damaged, gzipped(t, damaged)} {
		i := mustRead(t, data)
		r, err := i.Open(context.Background(), bytes.NewReader(data), layer)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		// Even who asks for no more than the size gets to know.
		_, err = io.ReadFull(r, make([]byte, i.Blobs[layer].Size))
		if err == nil {
			_, err = r.Read(make([]byte, 1))
		}
		var p *archive.Problem
		if !errors.As(err, &p) || !strings.Contains(err.Error(), "reading "+layer.String()+" of the archive: its bytes have digest sha256:") {
			t.Errorf("damaged layer: %v", err)
		}
		stop := errors.New("stop")
		if err := i.Walk(context.Background(), bytes.NewReader(data), []digest.Digest{layer}, func(digest.Digest, archive.Blob, io.Reader) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("stopped walk: %v", err)
		}
	}
	if _, err := i.Open(context.Background(), bytes.NewReader(good), digest.FromString("x")); err == nil {
		t.Error("opened what is not there")
	}
	// The file has changed since.
	short := good[:len(good)/2]
	if r, err := i.Open(context.Background(), bytes.NewReader(short), layer); err == nil {
		if _, err = io.ReadAll(r); err == nil {
			t.Error("read a layer of a file that is too short")
		}
	}
}

// What an archive may have at most, it may have, and that takes a few MiB.
func TestLargest(t *testing.T) {
	entries := []entry{text("oci-layout", `{"imageLayoutVersion":"1.0.0"}`)}
	const kind = "application/vnd.oci.image.manifest.v1+json"
	const images = 4_999
	var list strings.Builder
	for n := range images {
		if n > 0 {
			list.WriteByte(',')
		}
		d := digest.FromString(fmt.Sprint(n))
		fmt.Fprintf(&list, `{"mediaType":%q,"digest":%q,"size":1,"annotations":{"io.containerd.image.name":"registry.lab:5000/%s:%d"}}`, kind, d, strings.Repeat("n", 100), n)
		entries = append(entries, text("blobs/sha256/"+digest.FromString("blob"+d.String()).Encoded(), ""), text(fmt.Sprint(n), ""))
	}
	data := pack(t, append(entries, text("index.json", `{"manifests":[`+list.String()+`]}`))...)
	for _, data := range [][]byte{data, gzipped(t, data)} {
		var before, with, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		i := mustRead(t, data)
		runtime.ReadMemStats(&with)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); len(i.Images) != images || kept > 8<<20 {
			t.Errorf("%d images take %d bytes", len(i.Images), kept)
		} else {
			t.Logf("%d images and %d blobs: %d KiB kept, %d KiB allocated", len(i.Images), len(i.Blobs), kept>>10, (with.TotalAlloc-before.TotalAlloc)>>10)
		}
		runtime.KeepAlive(i)
	}
}

// A small file that stands for much more memory is refused, or stays small.
func TestBombs(t *testing.T) {
	var documents []entry
	for i := range 5 {
		body, err := json.Marshal(map[string]any{"architecture": "x", "history": strings.Repeat("x", 4<<20-100), "n": i})
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, entry{name: fmt.Sprint(i), body: body})
	}
	var links []entry
	for i := range 1100 {
		links = append(links, entry{name: fmt.Sprint(i), kind: tar.TypeSymlink, link: strings.Repeat("x/", 2000) + fmt.Sprint(i)})
	}
	layers := strings.Repeat(`{"digest":"sha256:`+strings.Repeat("0", 64)+`"},`, 9_999)
	for name, tt := range map[string]struct {
		data []byte
		said string
	}{
		"documents": {gzipped(t, pack(t, documents...)), "the manifests and configurations are more than 16 MiB"},
		"names":     {gzipped(t, pack(t, links...)), "the tar has more files than an image archive may have here"},
		"children":  {pack(t, text("oci-layout", `{"imageLayoutVersion":"1.0.0"}`), text("index.json", `{"manifests":[`+layers+layers+layers[:len(layers)-1]+`]}`)), "a list of more than 10000"},
	} {
		_, err := read(tt.data)
		if err == nil || !strings.Contains(err.Error(), tt.said) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
