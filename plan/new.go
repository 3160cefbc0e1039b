package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// New works out what has to change. have holds every wanted and every owned resource as it is on the node; one that is
// missing there is absent. Conflicts are in the plan; the error holds the files that cannot be edited at all, each as a
// *spec.Problem, and then the plan must not be applied. With [Policy.Singly] these are conflicts too.
func New(want []render.Resource, have map[render.ID]Live, owned map[render.ID]Owned, pol Policy) (Plan, error) {
	b := builder{have: have, owned: owned, pol: pol}
	wanted := make(map[render.ID]bool, len(want))
	for _, r := range want {
		wanted[r.ID] = true
		b.want(r)
	}
	for _, id := range leaving(owned, wanted) {
		b.remove(id, owned[id])
	}
	slices.SortStableFunc(b.plan.Changes, func(x, y Change) int { return cmp.Compare(b.rank(x), b.rank(y)) })
	b.plan.Effects = effects(b.plan.Changes)
	return b.plan, b.problems.ErrorOrNil()
}

// builder gathers a plan.
type builder struct {
	have  map[render.ID]Live
	owned map[render.ID]Owned
	pol   Policy

	plan     Plan
	problems *multierror.Error
}

// rank orders changes by the part of the node that they are in: directories of registries first, containerd's config last, so
// that a runtime that is restarted by it finds everything in place. Everything else comes after all files.
func (b *builder) rank(c Change) render.Scope {
	if c.Kind != render.KindFile {
		return rankApart(c)
	}
	if c.Entry != nil {
		return c.Entry.Scope
	}
	return b.owned[c.ID].Scope
}

func (b *builder) want(r render.Resource) {
	live := b.have[r.ID]
	var owned *Owned
	if o, ok := b.owned[r.ID]; ok {
		owned = &o
	}
	if r.Image != nil {
		b.wantImage(r, live.Image, owned)
		return
	}
	if r.Addon != nil {
		b.wantAddon(r, live.Addon, owned)
		return
	}
	if why := owned.turned(live); why != "" {
		b.conflict(r.ID, why, fmt.Sprintf("make it a link to %q again, or remove it, then run again", owned.Before.Link))
		return
	}
	if live.Obstacle != "" && owned.Strayed(live) == nil {
		hint := "move it out of the way, then run again"
		if r.InCluster() {
			hint = "delete it, or give the pull secret another name"
		}
		b.conflict(r.ID, live.Obstacle, hint)
		return
	}
	if tool := b.keeper(r.ID, live.Data); otherOwner(tool) && (owned == nil || !owned.Left(b.pol.Digest(live.Data))) { // or our own name was another
		b.conflict(r.ID, "it is of "+tool, "give the secret another name, or let one of the two files ask for it")
		return
	}
	if r.Scope == render.Whole {
		b.wantWhole(r, live, owned)
		return
	}
	b.wantPart(r, live, owned)
}

// unfinished is the reason of a change that an earlier apply was about to make when it was cut off.
const unfinished = "was left unfinished by an apply that was cut off"

// change adds a change that leaves the resource ours.
func (b *builder) change(r render.Resource, c Change, before Original) {
	c.ID, c.Sensitive, c.Effect = r.ID, r.Sensitive || b.owned[r.ID].Sensitive || render.Confides(r.Name, c.Before), r.Effect
	if string(c.Before) == string(c.After) && c.Before != nil {
		c.Effect = render.NoEffect // nothing is written but perhaps a mode
	}
	if c.Stray == nil {
		c.Via = b.have[r.ID].Link()
	}
	if c.Action == Create {
		c.Mode, c.MakeDirs = r.Mode, b.have[r.ID].Missing
	}
	entry := Owned{Scope: r.Scope, Effect: r.Effect, Mode: r.Mode, Before: before, Sensitive: r.Sensitive, Found: b.owned[r.ID].Found}
	if r.Scope != render.Whole {
		entry.Body = r.Body
	}
	if r.Sensitive {
		entry.Source = r.Why
	}
	c.Entry = &entry
	b.plan.Changes = append(b.plan.Changes, c)
}

// warnLost says that what stood in a place before us is not known any more.
func (b *builder) warnLost(id render.ID, before Original) {
	if before.Lost != "" {
		b.warn(id, "what stood there before regsync is lost ("+before.Lost+"): what is there now will stay there", "")
	}
}

func (b *builder) conflict(id render.ID, reason, hint string) {
	b.plan.Conflicts = append(b.plan.Conflicts, Conflict{ID: id, Reason: reason, Hint: hint})
}

func (b *builder) warn(id render.ID, message, hint string) {
	b.plan.Warnings = append(b.plan.Warnings, &spec.Problem{Position: spec.Position{File: id.Name}, Message: message, Hint: hint})
}

func (b *builder) problem(r render.Resource, err error) {
	var p *spec.Problem
	if !errors.As(err, &p) {
		p = &spec.Problem{Message: err.Error()}
	}
	if p.Position.File == "" {
		p.Position.File = r.Name
	}
	if b.pol.Singly {
		b.plan.Conflicts = append(b.plan.Conflicts, Unedited(r.ID, p))
		return
	}
	b.problems = multierror.Append(b.problems, p)
}
