package images

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/regsync/regsync/render"
)

// record makes an image visible under a name, and waits until the CRI sees it. Whoever finds the record managed expects one beside it that
// is named by the configuration's digest: the CRI adds it to records that it has not seen yet, not to those that come managed.
func (r *run) record(ctx context.Context, name string, w *whole) error {
	target := ocispec.Descriptor{
		MediaType: w.Target.MediaType, Digest: digest.Digest(w.Target.Digest), Size: w.Target.Size,
	}
	if w.config != "" {
		identity := images.Image{Name: w.config, Target: target, Labels: map[string]string{labelManaged: "managed"}}
		if err := r.put(ctx, identity); err != nil {
			return err
		}
	}
	var old replacement
	image := images.Image{Name: name, Target: target, Labels: marks(r.want[name].Pin, r.want[name].Archive)}
	made, err := r.create(ctx, image)
	if err == nil && !made {
		if old, err = r.replaced(ctx, name); err == nil {
			err = r.update(ctx, image)
		}
	}
	if err != nil {
		return err
	}
	if w.config == "" || r.namespace != ofCRI {
		return nil
	}
	if err := r.appear(ctx, name, w.config); err != nil {
		return err
	}
	return r.retire(ctx, old)
}

// marks are the labels of a record of ours. An empty one is to go.
func marks(pin bool, source string) map[string]string {
	pinned := ""
	if pin {
		pinned = "pinned"
	}
	return map[string]string{labelManaged: "managed", labelPinned: pinned, LabelSource: source}
}

// put creates a record or changes the one that is there; labels of others stay.
func (s *Store) put(ctx context.Context, record images.Image) error {
	made, err := s.create(ctx, record)
	if err != nil || made {
		return err
	}
	return s.update(ctx, record)
}

// create makes a record, and reports whether it did: there may be one of that name.
func (s *Store) create(ctx context.Context, record images.Image) (made bool, err error) {
	record.Labels = maps.Clone(record.Labels)
	maps.DeleteFunc(record.Labels, func(_, value string) bool { return value == "" })
	_, err = s.client.ImageService().Create(ctx, record)
	if errdefs.IsAlreadyExists(err) {
		return false, nil
	}
	return err == nil, recording(record.Name, err)
}

// update changes the record that is there.
func (s *Store) update(ctx context.Context, record images.Image) error {
	fields := []string{"target"}
	for key := range record.Labels {
		fields = append(fields, "labels."+key)
	}
	_, err := s.client.ImageService().Update(ctx, record, fields...)
	return recording(record.Name, err)
}

func recording(name string, err error) error {
	if err != nil {
		return fmt.Errorf("recording %s: %w", name, plain(err))
	}
	return nil
}

// Mark makes the record of a name that is there ours: pinned or not, seen by the CRI, with its source. Its target stays.
func (s *Store) Mark(ctx context.Context, name string, pin bool, source string) error {
	return s.relabel(ctx, name, marks(pin, source))
}

// Release makes the record of a name somebody else's again: it stays, without our label, and pinned only if it was so before us. It is no
// error if there is none. Was is how the image was wanted.
func (s *Store) Release(ctx context.Context, name string, was render.Image, pinned bool) error {
	labels := marks(pinned, "")
	delete(labels, labelManaged)
	err := s.relabel(ctx, name, labels)
	if errdefs.IsNotFound(err) {
		s.tidy(s.in(ctx), name, was.Target.Digest)
		return nil
	}
	return err
}

func (s *Store) relabel(ctx context.Context, name string, labels map[string]string) error {
	var fields []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		fields = append(fields, "labels."+key)
	}
	if _, err := s.client.ImageService().Update(s.in(ctx), images.Image{Name: name, Labels: labels}, fields...); err != nil {
		return fmt.Errorf("labelling %s: %w", name, plain(err))
	}
	return nil
}
