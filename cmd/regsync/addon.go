package main

import (
	"cmp"
	"strings"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// inCluster says in a few words what of the cluster a file asks for on a node with this runtime; empty: nothing.
func inCluster(sp *spec.Spec, runtime render.Runtime) string {
	var list []string
	if n := len(sp.PullSecrets); n > 0 {
		list = append(list, render.Count(n, "pull secret"))
	}
	if sp.Addons.Registry != nil && runtime == render.MicroK8s {
		list = append(list, "the add-on registry")
	}
	return strings.Join(list, ", ")
}

// awaitAddon holds the add-on back where MicroK8s itself is not there.
func (t *trip) awaitAddon(open *sight) {
	if t.spec.Addons.Registry == nil || t.place.Runtime != render.NoRuntime {
		return
	}
	open.waiting = append(open.waiting, "the add-on registry: "+cmp.Or(t.place.Waiting, "node.runtime is none"))
	open.owned, _ = withoutAddons(open.owned)
}

// withoutAddons parts the add-ons from what else is ours.
func withoutAddons(owned map[render.ID]plan.Owned) (rest, addons map[render.ID]plan.Owned) {
	rest, addons = map[render.ID]plan.Owned{}, map[render.ID]plan.Owned{}
	for id, o := range owned {
		if id.Kind == render.KindAddon {
			addons[id] = o
		} else {
			rest[id] = o
		}
	}
	return rest, addons
}

// unasked says in a few words what is ours in the cluster, where the file asks for nothing there any more.
func unasked(owned map[render.ID]plan.Owned) string {
	for id := range owned {
		if id.InCluster() && id.Kind != render.KindAddon {
			return "pull secrets that nobody asks for any more"
		}
	}
	return "an add-on that nobody asks for any more"
}
