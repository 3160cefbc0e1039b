package spec

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// elsewhere checks the overlays that are for other nodes: each as if it held here, beside those that do. With a list that is checked only
// where it is merged, a mistake would wait for the node that it is for. What is wrong is a problem where the file is judged for every
// node, and else a warning: this node needs nothing of it.
func (t *tree) elsewhere(others []overlay, everywhere bool) {
	known, base := slices.Clone(t.problems), t.withoutOverlays()
	for i, o := range others {
		found := t.trial(base, o)
		found = slices.DeleteFunc(found, func(p *Problem) bool {
			return slices.ContainsFunc(known, func(k *Problem) bool { return k.Position == p.Position })
		})
		if len(found) == 0 {
			continue
		}
		// What it lacks another overlay may give, where both hold. It is merged last, for what it says itself is what is judged.
		beside := slices.Concat(others[:i], others[i+1:], others[i:i+1])
		all := t.trial(base, beside...)
		for _, p := range found {
			if !holdsSame(all, p) {
				continue
			}
			p = o.problem(p)
			if everywhere {
				t.problems = append(t.problems, p)
				continue
			}
			p.Message += " (the overlay is for other nodes)"
			t.warnings = append(t.warnings, p)
		}
	}
}

// withoutOverlays gives the tree without its overlays, which the decoder has looked at already.
func (t *tree) withoutOverlays() *yaml.Node {
	m := merger{tree: t}
	base := m.copy(t.root)
	base.Content = nil
	pairs(t.root, func(k, v *yaml.Node, merged bool) bool {
		if k.Value != "overlays" && (!merged || lookup(base, k.Value) == nil) {
			base.Content = append(base.Content, k, v)
		}
		return true
	})
	return base
}

// trial gives what would be wrong with a tree if these overlays held too. What was spent on aliases is spent: where all of it is, nothing
// more is tried.
func (t *tree) trial(base *yaml.Node, overlays ...overlay) []*Problem {
	u := &tree{root: base, origins: t.origins, partial: t.partial, expanded: t.expanded}
	for _, o := range overlays {
		u.merge(o)
	}
	check(u, u.decode())
	if t.expanded = u.expanded; t.expanded > maxExpanded {
		return nil
	}
	return u.problems
}

// problem gives a problem the overlay's place where it shows outside of it: the file alone is right there.
func (o overlay) problem(p *Problem) *Problem {
	if o.at.File == p.Position.File && within(o.merge, p.Position) {
		return p
	}
	return &Problem{Position: o.at, Path: o.path, Message: fmt.Sprintf("where it holds, %s is wrong: %s", p.where(), p.Message), Hint: p.Hint}
}

// where names the place of a problem, for the message of another one.
func (p *Problem) where() string {
	if p.Path == "" {
		return p.Position.String()
	}
	return p.Path + " (" + p.Position.String() + ")"
}

// within reports whether a node, or one that is written in it, begins at a position.
func within(n *yaml.Node, at Position) bool {
	return n.Line == at.Line && n.Column == at.Col || slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return within(c, at) })
}

// holdsSame reports whether a problem is among others. It may have another path there: it is found where it was written, and where it is merged.
func holdsSame(list []*Problem, p *Problem) bool {
	return slices.ContainsFunc(list, func(o *Problem) bool { return o.Position == p.Position && o.Message == p.Message })
}
