package main

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// works carries out the changes that stand for themselves, each by what is made for its kind.
type works map[render.Kind]apply.Singly

// works makes ready what the plan's changes of that sort need.
func (c *command) works(ctx context.Context, s *site, t trip, v *services) (works, error) {
	w := works{}
	_, rest := t.plan.Split()
	for _, change := range rest {
		if w[change.Kind] != nil {
			continue
		}
		if change.InCluster() {
			objects := &objectWork{command: c, site: s, services: t.services, reach: t.reach}
			w[render.KindSecret], w[render.KindServiceAccount], w[render.KindAddon] = objects, objects, objects
			continue
		}
		images, err := c.imageWork(ctx, s, t, v)
		if err != nil {
			return nil, err
		}
		w[change.Kind] = images
	}
	return w, nil
}

// Apply hands the changes on in their order, those for one and the same at a time.
func (w works) Apply(ctx context.Context, changes []plan.Change, tell func(apply.Event)) map[render.ID]error {
	failed := map[render.ID]error{}
	for len(changes) > 0 {
		next, n := w[changes[0].Kind], 1
		for n < len(changes) && w[changes[n].Kind] == next {
			n++
		}
		maps.Copy(failed, next.Apply(ctx, changes[:n], tell))
		changes = changes[n:]
	}
	return failed
}

// objectWork carries changes of the cluster's objects out.
type objectWork struct {
	command  *command
	site     *site
	services ledger.Services
	reach    *reach
}

// Apply takes the Lease, if there is one to be taken, and then changes one object after the other.
func (w *objectWork) Apply(ctx context.Context, changes []plan.Change, tell func(apply.Event)) map[render.ID]error {
	failed := map[render.ID]error{}
	client, err := w.begin(ctx, changes)
	for _, c := range changes {
		err := err
		if c.Kind == render.KindAddon && c.Action == plan.Forget {
			err = nil // for which nobody is needed
		} else if err == nil {
			err = change(ctx, client, c, tell)
		}
		stage := apply.Done
		if err != nil {
			failed[c.ID] = err
			stage = apply.Failed
		}
		if elsewhere := (*apply.ElsewhereError)(nil); !errors.As(err, &elsewhere) {
			tell(apply.Event{Stage: stage, Change: &c, Err: err})
		}
	}
	if r := w.reach; err == nil && r.lease != nil {
		changes = slices.DeleteFunc(slices.Clone(changes), func(c plan.Change) bool {
			return failed[c.ID] != nil && !errors.As(failed[c.ID], new(*apply.UnfinishedError))
		})
		_ = r.lease.Record(ctx, after(r.holdings, changes)) // what was written before says too much, and nothing too little
	}
	return failed
}

// change carries one change out.
func change(ctx context.Context, client *cluster.Client, c plan.Change, tell func(apply.Event)) error {
	if c.Kind == render.KindAddon {
		err := client.MakeRegistry(ctx, c, func(note string) { tell(apply.Event{Stage: apply.Awaiting, Change: &c, Note: note}) })
		if errors.As(err, new(*cluster.NotReadyError)) {
			err = &apply.UnfinishedError{Err: err}
		}
		return err
	}
	err := client.Apply(ctx, c)
	if errors.As(err, new(*cluster.UnansweredError)) {
		err = &apply.UncertainError{Err: err}
	}
	return err
}

// after gives what is the owner's when changes have been made.
func after(holdings cluster.Holdings, changes []plan.Change) cluster.Holdings {
	all := cluster.Holdings{}
	maps.Copy(all, holdings)
	for _, c := range changes {
		if c.Entry == nil {
			delete(all, c.ID)
		} else {
			all[c.ID] = *c.Entry
		}
	}
	return all
}

// begin gives the way into the cluster, when it is ours to write there.
func (w *objectWork) begin(ctx context.Context, changes []plan.Change) (*cluster.Client, error) {
	if w.reach == nil { // the plan was saved
		w.reach = &reach{}
		if err := w.command.connect(ctx, w.site, w.services, w.reach); err != nil {
			return nil, err
		}
		w.reach.inherit(w.site.owned)
	}
	r := w.reach
	if r.client == nil {
		return nil, &apply.ElsewhereError{Reason: r.elsewhere}
	}
	if r.lease == nil {
		return r.client, nil
	}
	coming := r.holdings
	for _, c := range changes {
		if c.Entry == nil {
			continue // it is ours until it is gone
		}
		was := coming[c.ID]
		coming = after(coming, []plan.Change{c})
		if o := coming[c.ID]; o.Scope == render.Names {
			o.Body = render.JoinNames(was.Body, o.Body)
			coming[c.ID] = o
		}
	}
	err := r.lease.Take(ctx, coming)
	if held := (*cluster.HeldError)(nil); errors.As(err, &held) {
		err = &apply.ElsewhereError{Reason: held.Error()}
	}
	return r.client, err
}

// hintOfFailure is what an error of a change that stands for itself says is to be done.
func hintOfFailure(err error) string {
	var advised interface {
		error
		Hint() string
	}
	if errors.As(err, &advised) {
		return advised.Hint()
	}
	if changed := (*cluster.ChangedError)(nil); errors.As(err, &changed) {
		return "run it again"
	}
	return hintOfImage(err)
}
