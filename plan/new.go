package plan

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
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

// leaving gives what we own and nobody asks for any more, in the order in which it goes: a hosts.toml before the certificates
// that it names.
func leaving(owned map[render.ID]Owned, wanted map[render.ID]bool) []render.ID {
	var ids []render.ID
	for id := range owned {
		if !wanted[id] {
			ids = append(ids, id)
		}
	}
	companion := func(id render.ID) int {
		if path.Base(id.Name) == render.HostsTOML {
			return 0
		}
		return 1
	}
	slices.SortFunc(ids, func(x, y render.ID) int {
		return cmp.Or(
			cmp.Compare(path.Dir(x.Name), path.Dir(y.Name)),
			cmp.Compare(companion(x), companion(y)),
			cmp.Compare(x.Name, y.Name))
	})
	return ids
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

// unfinished is the reason of a change that an earlier apply was about to make when it was cut off.
const unfinished = "was left unfinished by an apply that was cut off"

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

func (b *builder) remove(id render.ID, owned Owned) {
	live := b.have[id]
	if id.Kind == render.KindImage {
		b.removeImage(id, live.Image, owned)
		return
	}
	if id.Kind == render.KindAddon {
		b.removeAddon(id, live.Addon, owned)
		return
	}
	drop := b.madeAbove(id.Name)
	stray := owned.Strayed(live)
	switch why := owned.turned(live); {
	case stray != nil && judge(situation{owned: true, state: strayed}) == release:
		live.Obstacle = stray.String()
	case why != "":
		live.Obstacle, stray = why, live.Stray
	}
	if live.Obstacle != "" {
		b.plan.Changes = append(b.plan.Changes, Change{ID: id, Action: Forget, Removal: true, Stray: stray, DropDirs: drop, Reason: "something else stands there now: " + live.Obstacle})
		return
	}
	if id.Kind == render.KindSecret && owned.Found && live.Data != nil {
		b.plan.Changes = append(b.plan.Changes, Change{ID: id, Action: Forget, Removal: true, Sensitive: true, Before: live.Data, After: live.Data, Reason: b.pol.Leaving + ": it was there before, and stays"})
		b.warn(id, "another node took it over from somebody, and knows alone what it held: it stays as it is", "")
		return
	}
	next, err := b.without(id, live, owned)
	if err != nil {
		b.problem(render.Resource{ID: id}, err)
		return
	}
	c := Change{
		ID: id, Removal: true, DropDirs: drop, Before: live.Data, After: next, Effect: owned.Effect, Via: live.Link(),
		Sensitive: owned.Sensitive || render.Confides(id.Name, live.Data) || render.Confides(id.Name, next),
		Reason:    b.pol.Leaving,
	}
	switch {
	case render.Same(next, live.Data):
		c.Action, c.Effect = Forget, render.NoEffect
	case next == nil:
		c.Action = Delete
	case live.Data == nil:
		c.Action = Create
	default:
		c.Action = Update
	}
	if next != nil && c.Action != Forget {
		if owned.Scope == render.Whole {
			c.Reason += ": what stood there before comes back"
		}
		c.MakeDirs, c.Owner = live.Missing, &owned.Before
		if owned.Scope == render.Whole || live.Data == nil { // of a shared file we never touch the mode
			c.Mode = owned.Before.Mode
		}
	}
	if owned.Effect == render.ReloadDocker {
		c.Interim, c.Retreat = render.DaemonInterim(live.Data, next), render.DaemonInterim(next, live.Data)
	}
	if owned.Scope == render.TOMLKeys && next != nil && !b.pol.Exact {
		if why, broken := render.Breaks(next); broken {
			c.Action, c.After, c.Effect, c.Mode = Forget, live.Data, render.NoEffect, 0
			c.Reason += ": stays as repaired"
			b.warn(id, "what stood there before would take the runtime down ("+why+"): the repaired file stays", "--exact gives even that back")
		}
	}
	b.plan.Changes = append(b.plan.Changes, c)
}

// madeAbove gives the directories above a file that were made for files of ours, innermost first.
func (b *builder) madeAbove(name string) []string {
	var dirs []string
	for d := path.Dir(name); b.pol.Made != nil && d != "/" && b.pol.Made(d); d = path.Dir(d) {
		dirs = append(dirs, d)
	}
	return dirs
}

// without gives a file that we own, or a part of which we own, as it is to be when it is no longer ours.
func (b *builder) without(id render.ID, live Live, owned Owned) ([]byte, error) {
	if owned.Scope != render.Whole {
		return Base(live.Data, &owned, b.pol.Digest)
	}
	s := situation{owned: true, state: other}
	switch {
	case live.Data == nil:
		s.state = absent
	case owned.Left(b.pol.Digest(live.Data)), render.Same(live.Data, owned.Before.Data):
		s.state = asLeft
	case b.keeper(id, live.Data) == render.Ours:
		s.state = marked
	}
	if judge(s) == giveBack && owned.Before.Lost == "" {
		return owned.Before.Data, nil
	}
	if owned.Before.Lost != "" {
		b.warnLost(id, owned.Before)
		return live.Data, nil
	}
	b.warn(id, "somebody replaced it since the last apply: it stays", "")
	return live.Data, nil
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

// tighten gives the mode that an existing file must get, or 0. Only files with secrets are ever tightened: what modes other
// files have is the node's affair (MicroK8s sets those of its tree at each refresh).
func tighten(live Live, r render.Resource) fs.FileMode {
	if live.Data == nil || !r.Sensitive || live.Mode.Perm()&^r.Mode.Perm() == 0 {
		return 0
	}
	return r.Mode
}
