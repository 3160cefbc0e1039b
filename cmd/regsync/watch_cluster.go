package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// followedCluster is the cluster whose changes are listened to.
type followedCluster struct {
	client *cluster.Client // nil: there is none
	in     cluster.Interest
	ear    ear
}

// follow listens to the cluster that a look has reached, and to no other one. It is not listened to where another node writes its objects, or
// where nothing of it is wanted. gone is called when what was listened to is not any more.
func (f *followedCluster) follow(ctx context.Context, r *reach, in cluster.Interest, ring func(string), stream func(name string, up bool, why string), gone func()) {
	switch {
	case len(in.Secrets) == 0, r != nil && r.elsewhere != "":
		f.end()
		return
	case r == nil || r.way == nil, f.client != nil && f.client.Same(r.way) && f.in.Equal(in):
		return // the look did not come so far, or all is as it was
	}
	f.end()
	f.client, f.in = r.way, in
	f.ear.hear(ctx, "cluster", func(ctx context.Context) {
		r.way.Follow(ctx, in, ring, stream)
		gone()
	})
}

// apiServerBack is the cause when changes of the cluster are heard of again.
const apiServerBack = "kubernetes is there"

// hearing notes that a stream of the cluster's changes is there, or is not.
func (w *watcher) hearing(name string, up bool, why string) {
	if !up {
		w.log.Warn("changes are not heard of", slog.String("stream", name), slog.String("why", why))
	}
	w.beacon.Stream(name, up, why)
	if up {
		w.bell.Ring(apiServerBack)
	}
}

// end stops listening.
func (f *followedCluster) end() {
	f.ear.end()
	f.client = nil
}

// interest gives what of the cluster the file asks for, or is ours there. Namespaces are named only where all of them are known beforehand.
func interest(sp *spec.Spec, owned map[render.ID]plan.Owned) cluster.Interest {
	var in cluster.Interest
	everywhere := false
	for i := range sp.PullSecrets {
		p := &sp.PullSecrets[i]
		everywhere = everywhere || listed(p)
		in.Namespaces = append(in.Namespaces, p.Namespaces...)
		in.Secrets = append(in.Secrets, p.Name)
		in.ServiceAccounts = append(in.ServiceAccounts, p.ServiceAccounts...)
	}
	for id := range owned {
		namespace, name, _ := strings.Cut(id.Name, "/")
		switch id.Kind {
		case render.KindSecret:
			in.Secrets = append(in.Secrets, name)
		case render.KindServiceAccount:
			in.ServiceAccounts = append(in.ServiceAccounts, name)
		default:
			continue
		}
		in.Namespaces = append(in.Namespaces, namespace)
	}
	if everywhere {
		in.Namespaces = nil
	}
	for _, list := range []*[]string{&in.Namespaces, &in.Secrets, &in.ServiceAccounts} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return in
}
