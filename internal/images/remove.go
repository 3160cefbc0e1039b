package images

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Remove takes an image of ours away: the record of its name and, if that was the image's last name, those that the CRI keeps beside
// it. containerd then drops what nobody else needs before this returns. Was is how the image was wanted; its platform, and its
// DiffIDs where it came from an archive, tell who uses it.
//
// The error is an *[InUseError] if a container uses the image, and [ErrForeign] if its record is not ours. An image that is not there is no error.
func (s *Store) Remove(ctx context.Context, name string, was render.Image) error {
	ctx = s.in(ctx)
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	record, ok := records[name]
	if !ok {
		s.tidy(ctx, name, was.Target.Digest)
		return nil
	}
	if record.Labels[LabelSource] == "" {
		return fmt.Errorf("removing %s: %w", name, ErrForeign)
	}
	live, err := s.Look(ctx, map[string]render.Image{name: was})
	if err != nil {
		return err
	}
	if users := live[name].Users; len(users) > 0 {
		return &InUseError{Name: name, Users: users}
	}
	beside, err := s.beside(ctx, record, records)
	if err != nil {
		return err
	}
	for _, n := range append(beside, name) { // ours last: while it is there the rest can be found again
		var opts []images.DeleteOpt
		if n == name {
			opts = append(opts, images.SynchronousDelete())
		}
		if err := s.client.ImageService().Delete(ctx, n, opts...); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("removing %s: %w", n, plain(err))
		}
	}
	s.tidy(ctx, name, record.Target.Digest.String())
	return nil
}

// beside gives the records that the CRI made for an image whose only name is that of record: the image's ID, and REPOSITORY@DIGEST where
// it was pulled. None if the image has another name.
func (s *Store) beside(ctx context.Context, record images.Image, records map[string]images.Image) ([]string, error) {
	if s.namespace != ofCRI {
		return nil, nil
	}
	id, names, err := s.seen(ctx, record.Name)
	if status.Code(err) == codes.Unimplemented {
		return nil, nil // there is no CRI
	}
	if err != nil {
		return nil, fmt.Errorf("asking the CRI for %s: %w", record.Name, plain(err))
	}
	var beside []string
	if _, ok := records[id]; ok {
		beside = append(beside, id)
	}
	for _, n := range names {
		switch {
		case n == record.Name:
		case n == canonical(record) && records[n].Labels[LabelSource] == "":
			beside = append(beside, n)
		default:
			return nil, nil
		}
	}
	slices.Sort(beside)
	return beside, nil
}

// canonical is REPOSITORY@DIGEST.
func canonical(record images.Image) string {
	ref, err := spec.ParseReference(record.Name)
	if err != nil || ref.Digest != "" {
		return ""
	}
	ref.Digest = record.Target.Digest.String()
	return ref.String()
}
