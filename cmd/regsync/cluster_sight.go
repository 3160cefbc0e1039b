package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// looksAtOnce is how many objects the API server is asked for at a time.
const looksAtOnce = 8

// lookAtCluster adds to have what the cluster has of the objects that are wanted or ours. Where it is not reached, none is wanted and none
// leaves. asked is what the file asks for, see [inCluster].
func (c *command) lookAtCluster(ctx context.Context, r *reach, d *render.Desired, have map[render.ID]plan.Live, open *sight, asked string) error {
	if r == nil {
		if c.baking() && (asked != "" || ownsInCluster(open.owned)) {
			open.left = append(open.left, cmp.Or(asked, unasked(open.owned)))
			open.owned = withoutCluster(d, open.owned)
		}
		return nil
	}
	if r.client != nil {
		err := r.sight(ctx, d, have, open)
		if err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.client, r.waiting = nil, err.Error()
	}
	if r.elsewhere != "" {
		open.elsewhere = append(open.elsewhere, cmp.Or(asked, unasked(open.owned))+": "+r.elsewhere)
	} else {
		open.waiting = append(open.waiting, cmp.Or(asked, unasked(open.owned))+": "+r.waiting)
	}
	open.owned = withoutCluster(d, open.owned)
	return nil
}

// sight looks at every object that is wanted or ours. What we may not see is held back, and nothing else for it.
func (r *reach) sight(ctx context.Context, d *render.Desired, have map[render.ID]plan.Live, open *sight) error {
	open.owned = r.inherit(open.owned)
	ids := map[render.ID]bool{}
	for id := range open.owned {
		ids[id] = id.InCluster()
	}
	for _, w := range d.Resources {
		_, name, _ := strings.Cut(w.Name, "/")
		ids[w.ID] = w.InCluster() && (w.Kind != render.KindSecret || r.unlisted[name] == nil)
	}
	maps.DeleteFunc(ids, func(_ render.ID, in bool) bool { return !in })
	seen, refused, err := r.lookAll(ctx, slices.Collect(maps.Keys(ids)))
	if err != nil {
		return err
	}
	maps.Copy(have, seen)
	open.waiting = append(open.waiting, r.open...)
	for _, id := range slices.SortedFunc(maps.Keys(refused), byName) {
		d.Held = append(d.Held, render.Held{ID: id, Problem: &spec.Problem{Message: refused[id].Error(), Hint: refused[id].Hint()}})
	}
	for _, name := range slices.Sorted(maps.Keys(r.unlisted)) {
		d.Held = append(d.Held, render.Held{ID: render.ID{Kind: render.KindSecret, Name: name}, Problem: r.unlisted[name]})
	}
	held := func(id render.ID, names []byte) bool {
		_, name, _ := strings.Cut(id.Name, "/")
		return refused[id] != nil || id.Kind == render.KindSecret && r.unlisted[name] != nil ||
			id.Kind == render.KindServiceAccount && r.refers(names)
	}
	d.Resources = slices.DeleteFunc(slices.Clone(d.Resources), func(w render.Resource) bool {
		if !w.InCluster() {
			return false
		}
		absent := w.Kind == render.KindServiceAccount && refused[w.ID] == nil && have[w.ID].Data == nil
		if absent && r.due(w) {
			open.waiting = append(open.waiting, fmt.Sprintf("service account %s is not there yet", w.Name))
		}
		return absent || held(w.ID, w.Body)
	})
	maps.DeleteFunc(open.owned, func(id render.ID, o plan.Owned) bool { return id.InCluster() && held(id, o.Body) })
	return nil
}

// inherit gives what is ours with what the last holder of the lease has left.
func (r *reach) inherit(owned map[render.ID]plan.Owned) map[render.ID]plan.Owned {
	all, ours := maps.Clone(owned), cluster.Holdings{}
	for id, o := range r.holdings {
		if _, known := owned[id]; !known {
			all[id] = o
		}
	}
	for id, o := range all {
		if id.InCluster() {
			ours[id] = o
		}
	}
	r.holdings = ours
	return all
}

func byName(x, y render.ID) int {
	return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Kind, y.Kind))
}

// refers reports whether one of a service account's references is to a secret whose namespaces are not known.
func (r *reach) refers(names []byte) bool {
	return slices.ContainsFunc(strings.Fields(string(names)), func(n string) bool { return r.unlisted[n] != nil })
}

// due reports whether a service account that is not there is one that should be: Kubernetes makes default in every namespace, and of the
// others the one that the file names, in a namespace that it names, is missed.
func (r *reach) due(w render.Resource) bool {
	namespace, name, _ := strings.Cut(w.Name, "/")
	return name == "default" || r.named[namespace]
}

// lookAll looks at objects, several at a time.
func (r *reach) lookAll(ctx context.Context, ids []render.ID) (map[render.ID]plan.Live, map[render.ID]*cluster.RefusedError, error) {
	var mu sync.Mutex
	seen, refused := map[render.ID]plan.Live{}, map[render.ID]*cluster.RefusedError{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(looksAtOnce)
	for _, id := range ids {
		g.Go(func() error {
			live, err := r.client.Look(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if why := (*cluster.RefusedError)(nil); errors.As(err, &why) {
				refused[id] = why
				return nil
			}
			seen[id] = live
			return err
		})
	}
	return seen, refused, g.Wait()
}

// withoutCluster takes the objects of the cluster out of what is wanted, and out of what is ours.
func withoutCluster(d *render.Desired, owned map[render.ID]plan.Owned) map[render.ID]plan.Owned {
	d.Resources = slices.DeleteFunc(slices.Clone(d.Resources), func(r render.Resource) bool { return r.InCluster() })
	owned = maps.Clone(owned)
	maps.DeleteFunc(owned, func(id render.ID, _ plan.Owned) bool { return id.InCluster() })
	return owned
}
