package main

import (
	"fmt"
	"path"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// objection is what speaks against a change, unless the user says that it is meant.
type objection struct {
	*spec.Problem
	to func(plan.Change) bool // whether it is against this one
}

// guard refuses a plan that does more harm than the user probably meant, and names the flag that lets it pass.
func guard(s *site, t trip, ok consent) error {
	var errs *multierror.Error
	for _, o := range objections(s, t, ok) {
		errs = multierror.Append(errs, o.Problem)
	}
	return errs.ErrorOrNil()
}

// objections gives what speaks against applying a plan.
func objections(s *site, t trip, ok consent) []objection {
	var list []objection
	refuse := func(allowed bool, to func(plan.Change) bool, hint, format string, args ...any) {
		if !allowed {
			list = append(list, objection{&spec.Problem{Message: fmt.Sprintf(format, args...), Hint: "if that is meant: " + hint}, to})
		}
	}
	removal := func(c plan.Change) bool { return c.Removal && c.Action != plan.Forget }
	removals := t.plan.Removals()
	if removals > 0 && t.plan.LeavesNothing() && !t.awaits() {
		refuse(ok.allowEmpty, removal, "--allow-empty; to give the node back: regsync reset", "the file asks for nothing any more: everything that is there would be removed (%d)", removals)
	}
	if limit := t.maxRemovals; removals > limit {
		refuse(ok.allowRemovals, removal, "--allow-removals", "%d resources would be removed, and policy.maxRemovals is %d", removals, limit)
	}
	for _, loss := range t.plan.Losses() {
		refuse(ok.allowDataLoss, func(c plan.Change) bool { return c.ID == loss.ID }, "--allow-data-loss", "%s: %s", loss.Name, loss.Reason)
	}
	of := func(d plan.Downgrade) func(plan.Change) bool {
		return func(c plan.Change) bool {
			return c.Kind == render.KindFile && path.Base(path.Dir(c.Name)) == d.Registry && c.Entry != nil && c.Entry.Scope == render.Whole
		}
	}
	for _, d := range t.plan.Stranded(s.asLeft) {
		if !slices.Contains(t.named, loader.Host(d.Registry)) {
			continue // it has left the file, and gets back what stood there before
		}
		refuse(ok.allowRemovals, of(d), "--allow-removals", "registry %s %s", d.Registry, d.What)
	}
	for _, d := range t.plan.Downgrades(s.asLeft) {
		refuse(ok.allowDowngrade, of(d), "--allow-downgrade", "registry %s %s", d.Registry, d.What)
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
