package plan

import (
	"slices"

	"github.com/regsync/regsync/render"
)

func (b *builder) wantPart(r render.Resource, live Live, owned *Owned) {
	from := live.Data
	same := owned != nil && string(owned.Body) == string(r.Body)
	lost := owned != nil && owned.Before.Lost != ""
	base, err := Base(live.Data, owned, b.pol.Digest)
	if err != nil {
		b.problem(r, err)
		return
	}
	unknown := false // our block is there, and the ledger does not know of it
	if owned == nil && r.Scope == render.Block && live.Data != nil {
		if base, err = render.Withdraw(r.Scope, live.Data, []byte{}, r.Body); err != nil {
			b.problem(r, err)
			return
		}
		unknown = !render.Same(base, live.Data)
	}
	// Values that we put there and no longer want are only in what we asked for last: then we begin from the file without us.
	// Otherwise we begin from the file as it is, so that what others did around our part stays where it is.
	switch {
	case owned == nil || same || r.Scope == render.Block:
	case r.Scope == render.Names:
		from, _ = render.Withdraw(r.Scope, live.Data, slices.Concat(owned.Before.Data, r.Body), owned.Body) // what stays ours stays where it is
	default:
		from = base
	}
	next, err := r.Propose(from)
	if err != nil {
		b.problem(r, err)
		return
	}
	cutOff := r.InCluster() && owned != nil && owned.Coming != ""
	if render.Same(next, live.Data) && !unknown && !cutOff && !lost {
		b.plan.Unchanged++
		return
	}
	c := Change{Action: Update, Before: live.Data, After: next, Reason: differs(r), Drift: same}
	switch {
	case cutOff && render.Same(next, live.Data):
		c.Action, c.Reason, c.Drift = Adopt, unfinished, false
	case lost && render.Same(next, live.Data):
		c.Action, c.Reason, c.Drift = Adopt, "its backup is lost, and made anew from what is there", false
	case unknown:
		c.Reason = "bears regsync's mark"
		if render.Same(next, live.Data) {
			c.Action = Adopt
		}
	case live.Data == nil:
		c.Action, c.Reason, c.Mode = Create, r.Why, r.Mode
		if owned != nil {
			c.Reason, c.Drift = "was deleted since the last apply", true
		}
	case c.Drift:
		c.Reason = "was edited since the last apply" + by(r.ID, b.keeper(r.ID, live.Data)) + ": " + r.Why
	}
	if owned.unfinished() {
		c.Reason, c.Drift = unfinished, false
	}
	if r.Effect == render.ReloadDocker && c.Action != Adopt {
		c.Interim, c.Retreat = render.DaemonInterim(live.Data, next), render.DaemonInterim(next, live.Data)
	}
	if lost {
		b.warnLost(r.ID, owned.Before)
	}
	before := Original{Data: base, Mode: live.Mode, UID: live.UID, GID: live.GID}
	if owned != nil && base != nil {
		before.Mode, before.UID, before.GID = owned.Before.Mode, owned.Before.UID, owned.Before.GID
	}
	b.change(r, c, before)
}
