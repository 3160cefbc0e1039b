package main

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// arrival is what is to be brought to the image store: the images of an archive, or one that is pulled.
type arrival struct {
	archive string // empty: it is pulled
	changes []plan.Change
	size    int64          // in bytes; the greatest number there is where nobody knows
	remote  *images.Remote // of one that is pulled: what the registry says of it; nil: nothing
}

// arriving gives what is to come, the smallest first: on a slow line most images are then there soonest. What is of unknown size comes last.
func (w *imageWork) arriving(ctx context.Context, changes []plan.Change) []arrival {
	var list []arrival
	for _, c := range changes {
		if c.Image.Archive == "" {
			list = append(list, arrival{changes: []plan.Change{c}, size: math.MaxInt64})
			continue
		}
		at := slices.IndexFunc(list, func(x arrival) bool { return x.archive == c.Image.Archive })
		if at < 0 {
			at = len(list)
			list = append(list, arrival{archive: c.Image.Archive})
		}
		list[at].changes = append(list[at].changes, c)
		list[at].size += c.Image.Bytes()
	}
	if len(list) == 1 && w.command.bandwidth.limit == nil {
		return list
	}
	for i := range list {
		x := &list[i]
		if x.archive != "" {
			continue
		}
		if x.remote = w.outlined(ctx, x.changes[0]); x.remote != nil {
			x.size = x.remote.Image.Bytes()
		}
	}
	slices.SortStableFunc(list, func(x, y arrival) int { return cmp.Compare(x.size, y.size) })
	return list
}

// outlined asks the registry what an image consists of. It may refuse us and not containerd, which may know another login, so no answer is no failure.
func (w *imageWork) outlined(ctx context.Context, c plan.Change) *images.Remote {
	if w.hosts == nil {
		return nil
	}
	hosts, err := w.hosts()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	remote, err := images.Survey(ctx, hosts, c.Name, cmp.Or(c.Image.Platform, "linux/"+runtime.GOARCH))
	if err != nil {
		return nil
	}
	return remote
}

// pull has containerd pull an image. Its pulls know no limit: where there is one, we bring the content ourselves, and it finds that there.
func (w *imageWork) pull(ctx context.Context, x arrival, tell func(apply.Event)) (err error) {
	c := x.changes[0]
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if x.remote != nil && w.command.bandwidth.limit != nil {
		var told int64
		done, err := w.store.Prefetch(ctx, x.remote, w.command.slow(ctx), func(p images.Progress) {
			tell(apply.Event{Stage: apply.Moving, Change: &c, Bytes: p.Written - told})
			told = p.Written
		})
		if err != nil {
			return err
		}
		defer func() { done(err) }()
	}
	return w.store.Pull(ctx, c.Name, c.Image.Pin)
}

// bringAll brings what is missing, one after the other. Each failure is its own.
func (w *imageWork) bringAll(ctx context.Context, changes []plan.Change, failed map[render.ID]error, tell func(apply.Event)) {
	for _, x := range w.arriving(ctx, changes) {
		if x.archive == "" {
			w.settle(x.changes[0], w.pull(ctx, x, tell), failed, tell)
			continue
		}
		var here, there []plan.Change
		for _, c := range x.changes {
			if c.Node == "" {
				here = append(here, c)
			} else {
				there = append(there, c)
			}
		}
		if len(here) > 0 {
			w.archive(ctx, x.archive, here, failed, tell)
		}
		if len(there) > 0 {
			w.elsewhere(ctx, x.archive, there, failed, tell)
		}
		w.drop(x.changes, failed)
	}
}
