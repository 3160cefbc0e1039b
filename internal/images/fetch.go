package images

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// asideBlobs are written side by side, and asideImages unpacked. Unpacking an image goes layer by layer and is what an import waits
// for in the end, so few writers bring the first layers soonest.
const (
	asideBlobs  = 2
	asideImages = 4
)

// claim settles the blobs that are in the store already, now held by our lease, and gives those that are missing.
func (r *run) claim(ctx context.Context) (missing []*blob, err error) {
	listed := make(map[string]bool, len(r.order))
	for _, b := range r.order {
		listed[b.Digest] = false
	}
	if err := r.present(ctx, listed); err != nil {
		return nil, err
	}
	there := make([]bool, len(r.order))
	err = aside(ctx, len(r.order), func(ctx context.Context, i int) (err error) {
		if listed[r.order[i].Digest] {
			there[i], err = r.claimBlob(ctx, r.order[i])
		}
		return err
	})
	for i, b := range r.order {
		if !there[i] {
			missing = append(missing, b)
		}
	}
	return missing, err
}

// claimBlob reports whether a blob is in the store. If it is it gets our lease and the labels that it lacks.
func (r *run) claimBlob(ctx context.Context, b *blob) (bool, error) {
	store := r.client.ContentStore()
	info, err := store.Info(ctx, digest.Digest(b.Digest))
	if err == nil {
		lease, _ := leases.FromContext(ctx)
		err = r.client.LeasesService().AddResource(ctx, leases.Lease{ID: lease}, leases.Resource{ID: b.Digest, Type: "content"})
	}
	if err == nil {
		// It may have gone before the lease had it.
		info, err = store.Info(ctx, digest.Digest(b.Digest))
	}
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err == nil {
		err = r.label(ctx, b, info.Labels)
	}
	if err != nil {
		return false, fmt.Errorf("asking for blob %s: %w", b.Digest, plain(err))
	}
	b.settle(nil)
	return true, nil
}

// label gives a blob that was there the labels that it lacks.
func (r *run) label(ctx context.Context, b *blob, have map[string]string) error {
	lack := b.lacks(have)
	if len(lack) == 0 {
		return nil
	}
	var fields []string
	for key := range lack {
		fields = append(fields, "labels."+key)
	}
	slices.Sort(fields)
	_, err := r.client.ContentStore().Update(ctx, content.Info{Digest: digest.Digest(b.Digest), Labels: lack}, fields...)
	return err
}

// fetch writes what is missing. Every blob is settled when it returns.
func (r *run) fetch(ctx context.Context, missing []*blob) {
	var total int64
	for _, b := range missing {
		total += b.Size
	}
	r.progress(func(p *Progress) { p.Total = total })
	if r.from.Sequential() {
		r.walk(ctx, missing)
		return
	}
	var writers errgroup.Group
	writers.SetLimit(asideBlobs)
	for _, b := range missing {
		writers.Go(func() error {
			err := r.write(ctx, b, true, func() (io.ReadCloser, error) { return r.from.Open(ctx, b.Digest) })
			b.settle(err)
			return nil
		})
	}
	_ = writers.Wait() // each has settled its blob
}

// walk writes what is missing in the order of the archive.
func (r *run) walk(ctx context.Context, missing []*blob) {
	var digests []string
	for _, b := range missing {
		digests = append(digests, b.Digest)
	}
	err := r.from.Walk(ctx, digests, func(d string, from io.Reader) error {
		b := r.all[d]
		err := r.write(ctx, b, false, func() (io.ReadCloser, error) { return io.NopCloser(from), nil })
		b.settle(err)
		return ctx.Err()
	})
	for _, b := range missing {
		if err == nil {
			err = &DamagedError{Archive: r.images[0].Archive, Digest: b.Digest, Err: fmt.Errorf("blob %s is not there", b.Digest)}
		}
		b.settle(err)
	}
}
