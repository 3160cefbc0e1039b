package plan

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/regsync/regsync/render"
)

func (b *builder) wantWhole(r render.Resource, live Live, owned *Owned) {
	mode := tighten(live, r)
	s := situation{wanted: true, owned: owned != nil, state: other}
	switch {
	case owned.Strayed(live) != nil:
		s.state = strayed
	case live.Data == nil:
		s.state = absent
	case string(live.Data) == string(r.Body):
		s.state = right
	case owned != nil && owned.Left(b.pol.Digest(live.Data)), owned.inherited() && b.keeper(r.ID, live.Data) == render.Ours:
		s.state = asLeft
	case b.keeper(r.ID, live.Data) == render.Ours:
		s.state = marked
	}
	c := Change{Before: live.Data, After: r.Body, Mode: mode, Asks: r.Asks}
	before := Original{Data: live.Data, Mode: live.Mode, UID: live.UID, GID: live.GID, Link: live.Link()}
	if owned != nil {
		before = owned.Before
		b.warnLost(r.ID, before)
	}
	switch judge(s) {
	case leave:
		switch {
		case mode != 0:
			c.Action, c.Reason, c.Drift = Update, fmt.Sprintf("its mode was opened to %04o", live.Mode.Perm()), true
		case r.InCluster() && owned.Coming != "":
			c.Action, c.Reason = Adopt, unfinished // it is only to be remembered that it is done
		case owned != nil && !r.InCluster() && owned.Applied != "" && !owned.Left(b.pol.Digest(live.Data)):
			c.Action, c.Reason = Adopt, "was edited since the last apply, to what is wanted now"
		default:
			b.plan.Unchanged++
			return
		}
	case create:
		c.Action, c.Reason, before = Create, r.Why, Original{}
	case remake:
		c.Action, c.Reason, c.Drift = Create, "was deleted since the last apply", true
		if before.Data != nil {
			c.Owner = &before
		}
	case update:
		c.Action, c.Reason = Update, changed(r, live.Data)
		if owned.Sensitive && !r.Sensitive {
			c.Mode = before.Mode // it was tightened for what it held
			if before.Data == nil {
				c.Mode = r.Mode
			}
		}
	case heal:
		c.Action, c.Reason, c.Drift = Update, "was edited since the last apply"+by(r.ID, b.keeper(r.ID, live.Data)), true
	case replace:
		c.Action, c.Reason, c.Drift = Update, "was replaced by "+live.Stray.String()+" since the last apply", true
	case reclaim:
		c.Action, c.Reason = Update, "bears regsync's mark"
		before, c.MakeDirs = b.lost(r.ID)
	case confirm:
		tool := b.keeper(r.ID, live.Data)
		if !b.pol.Adopt && r.Kind == render.KindFile { // a secret that is right bears our owner's name
			b.plan.Unchanged++
			return
		}
		c.Action, c.Reason = Adopt, "takes over "+whose(r.ID, tool)+", which is right already"
		if tool == render.Ours {
			before, c.MakeDirs = b.lost(r.ID)
		}
	case takeOver:
		if !b.mayTakeOver(r.ID, live.Data) {
			return
		}
		c.Action, c.Reason = Adopt, "takes over "+whose(r.ID, b.keeper(r.ID, live.Data))
	default:
		panic(fmt.Sprintf("no way to carry out the verdict on %+v", s))
	}
	if live.Stray != nil && (live.Link() == "" || live.Link() != before.Link) {
		c = c.replacing(*live.Stray, r, before)
	}
	if owned.unfinished() {
		c.Reason, c.Drift = unfinished, false
	}
	b.change(r, c, before)
}

// mayTakeOver reports whether somebody's file may become ours, and records the conflict where it may not.
func (b *builder) mayTakeOver(id render.ID, live []byte) bool {
	tool := b.keeper(id, live)
	switch {
	case tool != "" && tool != render.Stock && !slices.Contains(b.pol.AdoptFrom, tool):
		b.conflict(id, "it is "+tool+"'s, which would write it again",
			fmt.Sprintf("stop %s from writing it and list %q under policy.adoptFrom, or take the entry out of %s", tool, tool, b.pol.Source))
	case !b.pol.Adopt:
		b.conflict(id, "somebody else's "+noun(id)+" stands there and policy.adopt is false",
			"remove the "+noun(id)+", or set policy.adopt: true to take it over with a backup")
	default:
		return true
	}
	return false
}

// lost gives what stood before us where a file of ours is, though the ledger does not know of it, and where nothing did the directory, which then goes
// with the file if nothing else is in it.
func (b *builder) lost(id render.ID) (Original, []string) {
	if b.pol.Lost != nil {
		if before, ok := b.pol.Lost(id); ok {
			return before, nil
		}
	}
	return Original{}, parent(id)
}

// tighten gives the mode that an existing file must get, or 0. Only files with secrets are ever tightened: what modes other
// files have is the node's affair (MicroK8s sets those of its tree at each refresh).
func tighten(live Live, r render.Resource) fs.FileMode {
	if live.Data == nil || !r.Sensitive || live.Mode.Perm()&^r.Mode.Perm() == 0 {
		return 0
	}
	return r.Mode
}
