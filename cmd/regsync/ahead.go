package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// askAhead asks the endpoints that a plan would make containerd ask for the first time, or in another way than now, before anything is
// written. What one lacks is a warning in the plan, and with policy.requireProbe a conflict.
func (c *command) askAhead(ctx context.Context, s *site, t *trip, asked bool) error {
	required := t.spec.Policy.RequireProbe
	if !asked && !required {
		return nil
	}
	list, files, err := coming(s, t)
	if err != nil || len(list) == 0 {
		return err
	}
	if c.baking() && !asked { // this machine is not the node
		t.plan.Left = append(t.plan.Left, "asking new and changed endpoints, which policy.requireProbe wants")
		return nil
	}
	n, err := c.pullingNode(ctx, s.root, t.spec.Node, render.Version{}, "")
	if err != nil {
		return err
	}
	for _, change := range t.plan.Changes {
		if change.Name == t.place.HostsFile && change.After != nil {
			n.HostsFile = change.After // names are looked up as they will be
		}
	}
	answers, err := probe.Ahead(ctx, n, list, probe.Options{})
	if errors.Is(err, probe.ErrRoot) {
		err = hinted{err, "run it as root"}
	}
	if err != nil {
		return err
	}
	slices.SortStableFunc(answers, func(a, b probe.Asked) int { return strings.Compare(a.Role(), b.Role()) }) // what serves others is named first
	said := map[*probe.Contact]bool{}
	for _, a := range answers {
		if a.Contact.OK || said[a.Contact] && !required {
			continue
		}
		said[a.Contact] = true
		problem := &spec.Problem{
			Position: whereFrom(t.spec, a),
			Message:  fmt.Sprintf("%s %s of %s: %s", a.Role(), a.URL, a.Registry, a.Contact.Error),
		}
		if !required {
			t.plan.Warnings = append(t.plan.Warnings, problem)
			continue
		}
		t.plan.Conflicts = append(t.plan.Conflicts, plan.Conflict{
			ID: files[a.Registry], Reason: problem.Error(), Hint: "policy.requireProbe wants new and changed endpoints to answer: mend it, or set that to false",
		})
	}
	return nil
}

// coming gives the directories of certs.d of which the hosts.toml changes, as they will be, and the names of these files by their registry.
func coming(s *site, t *trip) (list []probe.Coming, hosts map[string]render.ID, err error) {
	survey := &survey{site: s}
	after := map[string]map[string][]byte{}
	for _, change := range t.plan.Changes {
		if dir := path.Dir(change.Name); change.After != nil && path.Dir(dir) == t.place.CertsDir {
			if after[dir] == nil {
				after[dir] = map[string][]byte{}
			}
			after[dir][path.Base(change.Name)] = change.After
		}
	}
	hosts = map[string]render.ID{}
	for _, change := range t.plan.Changes {
		if change.Asks == nil || change.Removal {
			continue
		}
		dir := path.Dir(change.Name)
		if err := survey.beside(dir, after[dir]); err != nil {
			return nil, nil, err
		}
		if _, err := survey.atRoot(after[dir], change.Asks); err != nil {
			return nil, nil, err
		}
		masked(after[dir], change.Asks)
		host := loader.Host(path.Base(dir))
		list = append(list, probe.Coming{
			Registry: probe.Registry{Host: host, Endpoints: meant(t.spec, host, change.Asks)}, Files: after[dir],
			New: change.Before == nil && isNamed(t.spec, host),
		})
		hosts[host] = change.ID
	}
	return list, hosts, nil
}
