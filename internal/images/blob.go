package images

import (
	"errors"
	"fmt"
	"maps"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/regsync/regsync/render"
)

// blob is content that an import needs in the store. Several images may share it.
type blob struct {
	render.Descriptor
	labels map[string]string // that containerd's garbage collector follows

	done chan struct{} // closed when it is in the store, or will not be
	err  error         // why it will not be; to be read after done
}

// settle says that the blob is in the store, or why it will not be. The first call counts.
func (b *blob) settle(err error) {
	select {
	case <-b.done:
	default:
		b.err = err
		close(b.done)
	}
}

// whole is an image of an import, with all names by which it is wanted.
type whole struct {
	render.Image
	names  []string
	blobs  []*blob
	layers []*blob // bottom first, one for each of DiffIDs
	config string  // digest of the configuration, by which the CRI knows the image; empty: it is no container image
}

// arrange finds out what each blob is: its target may be an index, of which only the manifest for the platform counts, and everything
// after the manifest is the manifest's, layers in their order and as often as they stand there.
// The labels are those that containerd's own import and unpacking set (images.ChildGCLabels, core/unpack).
func (w *whole) arrange(all map[string]*blob, snapshotter string) error {
	if len(w.Content) == 0 {
		return errors.New("no content is known of it")
	}
	var parent *blob
	seen := map[string]int{}
	for i, d := range w.Content {
		b := all[d.Digest]
		if b == nil {
			b = &blob{Descriptor: d, labels: map[string]string{}, done: make(chan struct{})}
			all[d.Digest] = b
		}
		if b.Size != d.Size {
			return fmt.Errorf("blob %s is of %d and of %d bytes", d.Digest, b.Size, d.Size)
		}
		w.blobs = append(w.blobs, b)
		if parent != nil {
			parent.refer(seen, d)
		}
		switch {
		case images.IsIndexType(d.MediaType), images.IsManifestType(d.MediaType):
			parent, seen = b, map[string]int{}
		case i == 0:
			return fmt.Errorf("%s is %q, which is no manifest", d.Digest, d.MediaType)
		case images.IsConfigType(d.MediaType):
			w.config = d.Digest
			if len(w.DiffIDs) > 0 {
				b.labels["containerd.io/gc.ref.snapshot."+snapshotter] = chainID(w.DiffIDs)
			}
		case images.IsLayerType(d.MediaType):
			w.layers = append(w.layers, b)
		}
	}
	if len(w.layers) != len(w.DiffIDs) {
		return fmt.Errorf("the manifest has %d layers, the configuration %d", len(w.layers), len(w.DiffIDs))
	}
	for i, layer := range w.layers {
		layer.labels[labels.LabelUncompressed] = w.DiffIDs[i]
	}
	return nil
}

// refer labels a blob with one more child.
func (b *blob) refer(seen map[string]int, child render.Descriptor) {
	for _, key := range images.ChildGCLabels(ocispec.Descriptor{MediaType: child.MediaType, Digest: digest.Digest(child.Digest)}) {
		n := seen[key]
		seen[key]++
		if n > 0 || key[len(key)-1] == '.' {
			key = fmt.Sprintf("%s%d", key, n)
		}
		b.labels[key] = child.Digest
	}
}

// lacks gives the labels that are not there as they should be.
func (b *blob) lacks(have map[string]string) map[string]string {
	lack := maps.Clone(b.labels)
	maps.DeleteFunc(lack, func(key, value string) bool { return have[key] == value })
	return lack
}
