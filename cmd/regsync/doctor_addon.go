package main

import (
	"context"
	"slices"

	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/render"
)

// askAddOn asks the cluster for MicroK8s' built-in registry, which does not answer on this node. On a worker nobody may be asked.
func (e *examination) askAddOn(ctx context.Context) {
	if e.place.Runtime != render.MicroK8s {
		return
	}
	access := e.access(&site{root: e.root}, ledger.Services{
		Runtime: e.place.Runtime, Cluster: ledger.Cluster{Kubeconfig: e.spec.Cluster.Kubeconfig},
	})
	client, err := cluster.Open(access, "regsync/"+ownVersion())
	if err != nil {
		e.miss("whether the built-in registry is enabled", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	live, err := client.Registry(ctx)
	if err != nil {
		e.miss("whether the built-in registry is enabled", err)
		return
	}
	e.facts.AddOn = &doctor.AddOn{Enabled: live.Enabled, Faults: slices.Concat(live.Missing, live.Faults)}
}
