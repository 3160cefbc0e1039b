package images

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/leases"
	"golang.org/x/sync/errgroup"

	"github.com/regsync/regsync/render"
)

// leaseTime is how long containerd keeps what an import that was cut off has written.
const leaseTime = 24 * time.Hour

// labelLease marks the leases of imports, for who looks at them.
const labelLease = "regsync.dev/import"

// Archive gives the bytes of blobs by their digests.
type Archive interface {
	// Open gives one blob. It is called side by side.
	Open(ctx context.Context, digest string) (io.ReadCloser, error)

	// Walk gives each of the blobs once, in the order in which the archive has them. It ends with read's error as it is.
	Walk(ctx context.Context, digests []string, read func(digest string, r io.Reader) error) error

	// Sequential says that the archive is read from its beginning at each Open, and is therefore to be walked.
	Sequential() bool
}

// Import brings images from an archive into the store: their missing content, snapshots and, last, their records, which point to Target
// and carry Pin and Archive. Content is as in a manifest: layers in their order, and as often as they stand there, one for each of DiffIDs.
//
// Each image is on its own. The error joins an *[ImageError] for each that did not become complete, and no others, unless
// nothing could be done at all. Report is called with one Progress after another, never side by side; it may be nil.
func (s *Store) Import(ctx context.Context, from Archive, want map[string]render.Image, report func(Progress)) error {
	ctx = s.in(ctx)
	run := &run{Store: s, from: from, want: want, all: map[string]*blob{}, report: report}
	failed := run.gather()
	if len(run.images) == 0 {
		return errors.Join(failed...)
	}
	ctx, release, err := s.lease(ctx, run.images[0].Archive)
	if err != nil {
		return err
	}
	err = run.do(ctx)
	release(ctx, err)
	return errors.Join(append(failed, err)...)
}

// run is one import.
type run struct {
	*Store
	from   Archive
	want   map[string]render.Image
	images []*whole
	all    map[string]*blob
	order  []*blob // all, as images need them

	report  func(Progress)
	tell    sync.Mutex
	reached Progress
}

// gather puts the names of one image together, and gives an error for each that cannot be one.
func (r *run) gather() (failed []error) {
	known := map[string]*whole{}
	for _, name := range slices.Sorted(maps.Keys(r.want)) {
		image := r.want[name]
		key := image.Target.Digest + " " + image.Platform
		if w := known[key]; w != nil {
			w.names = append(w.names, name)
			continue
		}
		w := &whole{Image: image, names: []string{name}}
		if err := w.arrange(r.all, r.snapshotter); err != nil {
			failed = append(failed, &ImageError{name, err})
			continue
		}
		known[key] = w
		r.images = append(r.images, w)
		for _, b := range w.blobs {
			if !slices.Contains(r.order, b) {
				r.order = append(r.order, b)
			}
		}
	}
	return failed
}

func (r *run) do(ctx context.Context) error {
	missing, err := r.claim(ctx)
	if err != nil {
		return err
	}
	if err := r.room(ctx, missing); err != nil {
		return err
	}
	var work errgroup.Group
	work.Go(func() error {
		r.fetch(ctx, missing)
		return nil
	})
	failed := make([]error, len(r.images))
	var images errgroup.Group
	images.SetLimit(asideImages)
	for i, w := range r.images {
		images.Go(func() error {
			failed[i] = r.complete(ctx, w)
			return nil
		})
	}
	_, _ = images.Wait(), work.Wait() // each image has its own
	return errors.Join(failed...)
}

// complete makes an image of its blobs as they come.
func (r *run) complete(ctx context.Context, w *whole) error {
	err := r.unpack(ctx, w)
	for _, b := range w.blobs {
		if err == nil {
			err = b.wait(ctx)
		}
	}
	var failed []error
	for _, name := range w.names {
		err := err
		if err == nil {
			err = r.record(ctx, name, w)
		}
		if err != nil {
			failed = append(failed, &ImageError{name, err})
			continue
		}
		r.progress(func(p *Progress) { p.Image = name })
	}
	return errors.Join(failed...)
}

// wait waits until the blob is in the store, or will not be.
func (b *blob) wait(ctx context.Context) error {
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lease keeps what is written under ctx from containerd's garbage collector. release ends that, but not for an import that was cut off:
// the next one goes on with it.
func (s *Store) lease(ctx context.Context, archive string) (_ context.Context, release func(context.Context, error), err error) {
	service := s.client.LeasesService()
	lease, err := service.Create(ctx, leases.WithRandomID(), leases.WithExpiration(leaseTime), leases.WithLabel(labelLease, archive))
	if err != nil {
		return nil, nil, err
	}
	return leases.WithLease(ctx, lease.ID), func(ctx context.Context, err error) {
		var damaged *DamagedError
		var opts []leases.DeleteOpt
		switch {
		case ctx.Err() != nil, Unanswered(err):
			return
		case errors.As(err, &damaged):
			opts = append(opts, leases.SynchronousDelete)
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanWithin)
		defer cancel()
		_ = service.Delete(ctx, lease, opts...) // it expires otherwise
	}, nil
}

// cleanWithin bounds how long we clean up after ourselves.
const cleanWithin = 30 * time.Second
