package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// What is followed in the cluster is what the file asks for and what is ours, everywhere where a namespace that is yet to come may match.
func TestInterest(t *testing.T) {
	owned := map[render.ID]plan.Owned{
		{Kind: render.KindSecret, Name: "old/ghcr"}:            {},
		{Kind: render.KindServiceAccount, Name: "old/builder"}: {},
		{Kind: render.KindFile, Name: "/etc/hosts"}:            {},
	}
	named := spec.PullSecret{Name: "harbor", Namespaces: []string{"team", "default"}, ServiceAccounts: []string{"default"}}
	globbed := spec.PullSecret{Name: "harbor", Namespaces: []string{"team-*"}, ServiceAccounts: []string{"runner", "default"}}
	selected := spec.PullSecret{Name: "hub", NamespaceSelector: &spec.LabelSelector{}}
	for _, tt := range []struct {
		name    string
		secrets []spec.PullSecret
		owned   map[render.ID]plan.Owned
		want    cluster.Interest
	}{
		{"nothing", nil, nil, cluster.Interest{}},
		{"by name", []spec.PullSecret{named}, nil, cluster.Interest{
			Namespaces: []string{"default", "team"}, Secrets: []string{"harbor"}, ServiceAccounts: []string{"default"},
		}},
		{"by glob", []spec.PullSecret{named, globbed}, nil, cluster.Interest{Secrets: []string{"harbor"}, ServiceAccounts: []string{"default", "runner"}}},
		{"by label", []spec.PullSecret{named, selected}, nil, cluster.Interest{Secrets: []string{"harbor", "hub"}, ServiceAccounts: []string{"default"}}},
		{"ours", []spec.PullSecret{named}, owned, cluster.Interest{
			Namespaces: []string{"default", "old", "team"}, Secrets: []string{"ghcr", "harbor"}, ServiceAccounts: []string{"builder", "default"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, interest(&spec.Spec{PullSecrets: tt.secrets}, tt.owned)); diff != "" {
				t.Errorf("(- want, + got):\n%s", diff)
			}
		})
	}
}
