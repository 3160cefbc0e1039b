package images

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
)

// replacement is an image of ours whose name may be about to get another target, with what its records are then there for.
type replacement struct {
	was    images.Image
	beside []string // records that the CRI made for it; nobody else needs them
}

// replaced looks, before a name gets a target, at the image that it names now. The zero replacement: there is nothing to clear away, because there is no
// such image, or it is not ours, a container uses it, or it has another name.
func (s *Store) replaced(ctx context.Context, name string) (replacement, error) {
	record, err := s.client.ImageService().Get(ctx, name)
	if errdefs.IsNotFound(err) {
		return replacement{}, nil
	}
	if err != nil {
		return replacement{}, fmt.Errorf("asking for %s: %w", name, plain(err))
	}
	if record.Labels[LabelSource] == "" {
		return replacement{}, nil
	}
	records, err := s.records(ctx)
	if err != nil {
		return replacement{}, err
	}
	users, err := s.users(ctx, records)
	if err != nil {
		return replacement{}, err
	}
	if len(users.of(record.Target.Digest, "")) > 0 {
		return replacement{}, nil
	}
	beside, err := s.beside(ctx, record, records)
	return replacement{record, beside}, err
}

// retire removes the records beside an image whose name has got another target since; kubelet would do so when its disk is nearly full.
func (s *Store) retire(ctx context.Context, old replacement) error {
	if len(old.beside) == 0 {
		return nil
	}
	now, err := s.client.ImageService().Get(ctx, old.was.Name)
	if err != nil || now.Target.Digest == old.was.Target.Digest {
		return nil //nolint:nilerr // whoever has removed the name looks after the rest
	}
	for _, name := range old.beside {
		// A collection that went on behind our back could take a layer that the next pull counts on (CRI of 1.6).
		if err := s.client.ImageService().Delete(ctx, name, images.SynchronousDelete()); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("removing %s, which %s was before: %w", name, old.was.Name, plain(err))
		}
	}
	return nil
}
