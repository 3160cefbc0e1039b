package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
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
	f.Add(crane(f))
	f.Add(pack(f, imageLayout(f, listed{withHoles(f, image(f, 1, "linux/arm/v7", 1)), nil})...))
	f.Fuzz(func(t *testing.T, data []byte) {
		sound(t, data)
		if repair(data) {
			sound(t, data)
		}
	})
}

// The same of what the documents in an archive may say, with a digest that is right wherever one is looked for.
func FuzzDocuments(f *testing.F) {
	config := `{"architecture":"amd64","os":"linux","config":{"Env":[]},"rootfs":{"type":"layers","diff_ids":["sha256:` + strings.Repeat("a", 64) + `"]}}`
	size := fmt.Sprint(len(config))
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"CONFIG","size":` + size + `},"layers":[{"digest":"CONFIG","size":` + size + `}]}`
	whole := fmt.Sprint(len(strings.ReplaceAll(manifest, "CONFIG", digest.FromString(config).String())))
	f.Add(`[{"Config":"config","RepoTags":["a:1"],"Layers":["layer"]}]`, config, "", "")
	f.Add("", config, manifest, `{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"MANIFEST","size":`+whole+`,"platform":{"os":"linux","architecture":"amd64"},"annotations":{"org.opencontainers.image.ref.name":"1"}}]}`)
	f.Fuzz(func(t *testing.T, list, config, manifest, index string) {
		c := digest.FromString(config)
		manifest = strings.ReplaceAll(manifest, "CONFIG", c.String())
		m := digest.FromString(manifest)
		entries := []entry{text("config", config), text("layer", "layer"), text("blobs/sha256/"+c.Encoded(), config), text("blobs/sha256/"+m.Encoded(), manifest)}
		if list != "" {
			entries = append(entries, text("manifest.json", list))
		}
		if index != "" {
			index = strings.NewReplacer("MANIFEST", m.String(), "CONFIG", c.String()).Replace(index)
			entries = append(entries, text("oci-layout", `{"imageLayoutVersion":"1.0.0"}`), text("index.json", index))
		}
		sound(t, pack(t, entries...))
	})
}

// repair corrects the checksums of what may be tar headers, and tells whether there were any to correct.
func repair(data []byte) (changed bool) {
	for at := 0; at+512 <= len(data); at += 512 {
		block := data[at : at+512]
		if string(block[257:262]) != "ustar" {
			continue
		}
		sum := 8 * int(' ')
		for i, b := range block {
			if i < 148 || i >= 156 {
				sum += int(b)
			}
		}
		right := fmt.Sprintf("%06o\x00 ", sum)
		changed = changed || right != string(block[148:156])
		copy(block[148:], right)
	}
	return changed
}

// sound reads an archive in every way.
func sound(t *testing.T, data []byte) {
	t.Helper()
	amd64 := platforms.MustParse("linux/amd64")
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
		if c, err := m.ForPlatform(amd64); err == nil && c.Missing != nil {
			t.Error("chose what is missing")
		}
	}
}
