package images

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"

	"github.com/regsync/regsync/spec"
)

// Trial is what a test pull left behind.
type Trial struct {
	Found   bool     // the image was there before, and is as it was
	Removed bool     // it was not, and is gone again
	Users   []string // the containers that use it by now, which is why it stays
}

// Try has the CRI pull an image, as for a pod without pull secrets, and makes the store be as it was: an image that was not there before goes
// again, unless a container uses it; of one that was there the record gets back its target and its labels, which a pull takes from it.
func (s *Store) Try(ctx context.Context, name string) (t Trial, err error) {
	ref, err := spec.ParseReference(name) // as the CRI reads it: of a tag and a digest the digest counts
	if err != nil {
		return t, fmt.Errorf("pulling %s: %w", name, err)
	}
	ctx = s.in(ctx)
	before, err := s.records(ctx)
	if err != nil {
		return t, err
	}
	was, found := before[ref.String()]
	t.Found = found
	if found {
		// A tag that has moved leaves the image that it was on to the garbage collection.
		release, err := s.hold(ctx, was)
		if err != nil {
			return t, err
		}
		defer release()
	}
	answer, err := s.callCRI(ctx, "PullImage", message(name).with(1).with(1))
	if err != nil {
		err = fmt.Errorf("pulling %s: %w", name, unwrapped(name, err))
	}
	after := context.WithoutCancel(ctx) // what came goes again, after an interrupt too
	return t, errors.Join(err, s.asBefore(after, ref.String(), string(answer.first(1)), before, &t))
}

// asBefore makes the records be as they were before a pull of name. id is the image's, as the CRI says it; empty: the pull failed.
func (s *Store) asBefore(ctx context.Context, name, id string, before map[string]images.Image, t *Trial) error {
	after, err := s.records(ctx)
	if err != nil {
		return err
	}
	is, pulled := after[name]
	if !pulled {
		return nil
	}
	var changed []images.Image
	var came []string
	for _, n := range []string{name, id, canonical(is)} { // the CRI keeps the last two beside the first
		now, there := after[n]
		was, old := before[n]
		switch {
		case there && !old && !slices.Contains(came, n):
			came = append(came, n)
		case there && old && !same(was, now):
			changed = append(changed, was)
		}
	}
	known := slices.ContainsFunc(slices.Collect(maps.Values(before)), func(old images.Image) bool { return old.Target.Digest == is.Target.Digest })
	if !known { // else what uses it has it by another name
		if t.Users, err = s.usersOf(ctx, is, after); err != nil || len(t.Users) > 0 {
			return err
		}
	}
	for _, was := range changed {
		if err := s.restore(ctx, was); err != nil {
			return err
		}
	}
	if err := s.drop(ctx, name, came); err != nil {
		return err
	}
	t.Removed = !t.Found
	return nil
}

func same(a, b images.Image) bool {
	return a.Target.Digest == b.Target.Digest && maps.Equal(a.Labels, b.Labels)
}

// hold keeps all of an image from the garbage collection until it is released.
func (s *Store) hold(ctx context.Context, record images.Image) (release func(), err error) {
	manager := s.client.LeasesService()
	lease, err := manager.Create(ctx, leases.WithRandomID(), leases.WithExpiration(24*time.Hour))
	if err == nil {
		err = manager.AddResource(ctx, lease, leases.Resource{ID: record.Target.Digest.String(), Type: "content"})
	}
	if err != nil {
		return nil, fmt.Errorf("holding %s: %w", record.Name, plain(err))
	}
	return func() { _ = manager.Delete(context.WithoutCancel(ctx), lease) }, nil // else it expires
}

// restore gives a record back its target and its labels.
func (s *Store) restore(ctx context.Context, was images.Image) error {
	_, err := s.client.ImageService().Update(ctx, was, "target", "labels")
	if errdefs.IsNotFound(err) {
		_, err = s.client.ImageService().Create(ctx, was)
	}
	if err != nil {
		return fmt.Errorf("putting back the record of %s: %w", was.Name, plain(err))
	}
	return nil
}

// usersOf gives the containers that use an image.
func (s *Store) usersOf(ctx context.Context, record images.Image, records map[string]images.Image) ([]string, error) {
	users, err := s.users(ctx, records)
	if err != nil {
		return nil, err
	}
	need, err := s.follow(ctx, record.Target, platforms.DefaultString())
	if err != nil {
		return nil, err
	}
	return users.of(record.Target.Digest, need.chain()), nil
}

// drop removes records, and waits until the CRI has forgotten that of name if it is one of them. containerd drops what nobody else needs.
func (s *Store) drop(ctx context.Context, name string, records []string) error {
	slices.Sort(records) // in the same order each time: the last one's removal collects
	for i, record := range records {
		var opts []images.DeleteOpt
		if i == len(records)-1 {
			opts = append(opts, images.SynchronousDelete())
		}
		if err := s.client.ImageService().Delete(ctx, record, opts...); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("removing %s again: %w", record, plain(err))
		}
	}
	if !slices.Contains(records, name) {
		return nil
	}
	return s.appear(ctx, name, "")
}
