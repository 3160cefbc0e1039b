package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/internal/archive"
)

func bench(b *testing.B, file string) {
	b.Helper()
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := archive.Read(context.Background(), f, info.Size()); err != nil {
			b.Fatal(err)
		}
	}
}

func write(b *testing.B, data []byte) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "a.tar")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		b.Fatal(err)
	}
	return file
}

// An image of 1 GiB in 8 layers, as a file with holes: what counts is how much of it is read.
func BenchmarkReadOneGiB(b *testing.B) {
	file := filepath.Join(b.TempDir(), "a.tar")
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	put := func(name string, head []byte, size int64) {
		var h bytes.Buffer
		w := tar.NewWriter(&h)
		if err := w.WriteHeader(&tar.Header{Name: name, Size: size, Typeflag: tar.TypeReg}); err != nil {
			b.Fatal(err)
		}
		f.Write(append(h.Bytes(), head...))
		if _, err := f.Seek((size-int64(len(head))+511)&^511, 1); err != nil {
			b.Fatal(err)
		}
		if at := (size + 511) &^ 511; at != size && int64(len(head)) == size {
			end, _ := f.Seek(0, 1)
			f.Seek((end+511)&^511, 0)
		}
	}
	var ids []digest.Digest
	var layers []string
	for i := range 8 {
		id := digest.FromString(fmt.Sprint(i))
		ids, layers = append(ids, id), append(layers, id.Encoded()+"/layer.tar")
		put(layers[i], make([]byte, 512), 128<<20)
	}
	config, _ := json.Marshal(map[string]any{"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": ids}})
	name := digest.FromBytes(config).Encoded() + ".json"
	put(name, config, int64(len(config)))
	manifest, _ := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{"a:1"}, "Layers": layers}})
	put("manifest.json", manifest, int64(len(manifest)))
	f.Write(make([]byte, 1024))
	bench(b, file)
}

func manySmall(b *testing.B) []byte {
	b.Helper()
	var images []tagged
	for i := range 40 {
		images = append(images, tagged{image(b, int64(i), "linux/amd64", 5), []string{fmt.Sprintf("a%d:1", i)}})
	}
	return pack(b, saved(b, images...)...)
}

func BenchmarkRead40Images(b *testing.B)     { bench(b, write(b, manySmall(b))) }
func BenchmarkRead40ImagesGzip(b *testing.B) { bench(b, write(b, gzipped(b, manySmall(b)))) }

// 64 MiB that gzip and zstd make little smaller.
func BenchmarkReadCompressed(b *testing.B) {
	big := image(b, 1, "linux/amd64", 1)
	data := saved(b, tagged{big, nil})
	noise := make([]byte, 64<<20)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x>>24) & 0x3f
	}
	tarball := pack(b, append(data, entry{name: "noise", body: noise})...)
	b.Run("gzip", func(b *testing.B) { b.SetBytes(int64(len(tarball))); bench(b, write(b, gzipped(b, tarball))) })
	b.Run("zstd", func(b *testing.B) { b.SetBytes(int64(len(tarball))); bench(b, write(b, zstded(b, tarball))) })
}
