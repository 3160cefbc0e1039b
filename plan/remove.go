package plan

import (
	"cmp"
	"path"
	"slices"

	"github.com/regsync/regsync/render"
)

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
