package main

import (
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/spec"
)

// guard refuses a plan that does more harm than the user probably meant, and names the flag that lets it pass.
func guard(s *site, t trip, ok consent) error {
	var errs *multierror.Error
	for _, p := range guards(s, t, ok) {
		errs = multierror.Append(errs, p)
	}
	return errs.ErrorOrNil()
}

// guards gives what speaks against applying a plan.
func guards(s *site, t trip, ok consent) []*spec.Problem {
	var list []*spec.Problem
	refuse := func(allowed bool, hint, format string, args ...any) {
		if !allowed {
			list = append(list, &spec.Problem{Message: fmt.Sprintf(format, args...), Hint: "if that is meant: " + hint})
		}
	}
	removals := t.plan.Removals()
	if removals > 0 && t.plan.LeavesNothing() && !t.awaits() {
		refuse(ok.allowEmpty, "--allow-empty; to give the node back: regsync reset", "the file asks for nothing any more: everything that is there would be removed (%d)", removals)
	}
	if limit := t.maxRemovals; removals > limit {
		refuse(ok.allowRemovals, "--allow-removals", "%d resources would be removed, and policy.maxRemovals is %d", removals, limit)
	}
	for _, loss := range t.plan.Losses() {
		refuse(ok.allowDataLoss, "--allow-data-loss", "%s: %s", loss.Name, loss.Reason)
	}
	for _, d := range t.plan.Stranded(s.asLeft) {
		if !slices.Contains(t.named, loader.Host(d.Registry)) {
			continue // it has left the file, and gets back what stood there before
		}
		refuse(ok.allowRemovals, "--allow-removals", "registry %s %s", d.Registry, d.What)
	}
	for _, d := range t.plan.Downgrades(s.asLeft) {
		refuse(ok.allowDowngrade, "--allow-downgrade", "registry %s %s", d.Registry, d.What)
	}
	return list
}

// awaits reports whether something that the file asks for is in no change of the plan, because it cannot be looked after here and now.
func (t trip) awaits() bool {
	return t.wishes && len(t.plan.Waiting)+len(t.plan.Conflicts)+len(t.plan.Left)+len(t.plan.Elsewhere) > 0
}

// named gives the registries that the file names.
func named(s *spec.Spec) []string {
	var list []string
	for _, r := range s.Registries {
		list = append(list, r.Host)
	}
	for _, m := range s.Mirrors {
		list = append(list, m.Registry)
	}
	return list
}

// asLeft gives a file as our last apply left it; nil where none did, or nobody knows.
func (s *site) asLeft(c plan.Change) []byte {
	o, ok := s.owned[c.ID]
	if !ok || o.Applied == "" {
		return nil
	}
	if s.ledger.Digest(c.Before) == o.Applied {
		return c.Before
	}
	return s.ledger.Content(o.Applied)
}
