package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"testing"

	local1 "github.com/containerd/containerd/content/local"
	importer1 "github.com/containerd/containerd/images/archive"
	importer2 "github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/regsync/regsync/internal/archive"
)

// What containerd's own importers, of 1.7.35 and 2.2.9, write into an empty store for the same tar: the same targets under the same names, and the
// manifests byte for byte.
func TestImporterAgrees(t *testing.T) {
	archives := forms(t)
	archives["crane"] = crane(t)
	for name, data := range archives {
		i := mustRead(t, data)
		if i.Compression != archive.Plain || i.Root != "" {
			continue // the importer gets the tar decompressed by its caller, and only knows the top
		}
		for version, open := range importers {
			t.Run(name+" "+version, func(t *testing.T) {
				targets, blob, err := open(t.TempDir(), data)
				if err != nil {
					t.Fatal(err)
				}
				agree(t, i, targets)
				for d, b := range i.Blobs {
					if text, err := blob(d); err != nil {
						t.Errorf("%s is not in the store: %v", d, err)
					} else if int64(len(text)) != b.Size || b.Data != nil && !bytes.Equal(text, b.Data) {
						t.Errorf("%s is %q, and in the store %q", d, b.Data, text)
					}
				}
			})
		}
	}
}

// importers give the descriptors of the index that an importer makes of a tar, and what is in the store then.
var importers = map[string]func(dir string, data []byte) ([]ocispec.Descriptor, func(digest.Digest) ([]byte, error), error){
	"1.7": func(dir string, data []byte) ([]ocispec.Descriptor, func(digest.Digest) ([]byte, error), error) {
		store, err := local1.NewStore(dir)
		if err != nil {
			return nil, nil, err
		}
		index, err := importer1.ImportIndex(context.Background(), store, bytes.NewReader(data))
		return targetsOf(dir, index, err)
	},
	"2.2": func(dir string, data []byte) ([]ocispec.Descriptor, func(digest.Digest) ([]byte, error), error) {
		store, err := local.NewStore(dir)
		if err != nil {
			return nil, nil, err
		}
		index, err := importer2.ImportIndex(context.Background(), store, bytes.NewReader(data))
		return targetsOf(dir, index, err)
	},
}

func targetsOf(dir string, index ocispec.Descriptor, err error) ([]ocispec.Descriptor, func(digest.Digest) ([]byte, error), error) {
	if err != nil {
		return nil, nil, err
	}
	store, err := local.NewStore(dir)
	if err != nil {
		return nil, nil, err
	}
	blob := func(d digest.Digest) ([]byte, error) {
		r, err := store.ReaderAt(context.Background(), ocispec.Descriptor{Digest: d})
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	}
	text, err := blob(index.Digest)
	if err != nil {
		return nil, nil, err
	}
	var list ocispec.Index
	return list.Manifests, blob, json.Unmarshal(text, &list)
}

// agree compares an index with the records that containerd would make: by name, or by digest where there is none.
func agree(t *testing.T, i archive.Index, targets []ocispec.Descriptor) {
	t.Helper()
	want, got := map[string]digest.Digest{}, map[string]digest.Digest{}
	for _, d := range targets {
		name := d.Annotations["io.containerd.image.name"]
		if name == "" {
			name = d.Annotations[ocispec.AnnotationRefName]
		}
		if name == "" {
			name = d.Digest.String()
		}
		want[name] = d.Digest
		for _, m := range i.Images {
			if m.Target.Digest != d.Digest {
				continue
			}
			if m.Target.MediaType != d.MediaType || m.Target.Size != d.Size {
				t.Errorf("target %+v, want %+v", m.Target, d)
			}
			if d.Platform != nil && platforms.FormatAll(*d.Platform) != platforms.FormatAll(*m.Manifests[0].Platform) {
				t.Errorf("platform %+v, want %+v", m.Manifests[0].Platform, d.Platform)
			}
		}
	}
	for _, m := range i.Images {
		for _, name := range append(m.Names, m.Bare...) {
			got[name] = m.Target.Digest
		}
		if m.Names == nil && m.Bare == nil {
			got[m.Target.Digest.String()] = m.Target.Digest
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("images\n%v, want\n%v", got, want)
	}
}
