package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"runtime"
	"testing"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/internal/archive"
)

const (
	indexLimit = 4 << 20   // bytes of the JSON of an index
	allocLimit = 256 << 20 // bytes that reading it may allocate altogether, zstd's window of 128 MiB included
)

// Whatever the bytes, nothing panics, the index is small, and no byte of a blob goes unverified.
func FuzzRead(f *testing.F) {
	for _, data := range forms(f) {
		f.Add(data)
	}
	f.Add(pack(f, imageLayout(f, listed{withHoles(f, image(f, 1, "linux/arm/v7", 1)), nil})...))
	p := platforms.MustParse("linux/amd64")
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		i, err := archive.Read(context.Background(), bytes.NewReader(data), int64(len(data)))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > allocLimit {
			t.Errorf("%d bytes of file take %d bytes", len(data), n)
		}
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		text, err := json.Marshal(i)
		if err != nil || len(text) > indexLimit {
			t.Errorf("index of %d bytes: %v", len(text), err)
		}
		var all []digest.Digest
		for d, b := range i.Blobs {
			if b.Size < 1<<20 {
				all = append(all, d)
			}
		}
		_ = i.Walk(context.Background(), bytes.NewReader(data), all, func(d digest.Digest, b archive.Blob, body io.Reader) error {
			text, err := io.ReadAll(body)
			if err == nil && d.Algorithm().FromBytes(text) != d {
				t.Errorf("%s is not what was read", d)
			}
			return nil
		})
		for _, m := range i.Images {
			if c, err := m.ForPlatform(p); err == nil && c.Missing != nil {
				t.Error("chose what is missing")
			}
		}
	})
}
