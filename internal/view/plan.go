package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Text writes for people.
type Text struct {
	W     io.Writer
	Color bool
	All   bool // shows every diff, however many there are
}

// shownDiffs is how many new or vanishing files are shown in full before the rest is only counted.
const shownDiffs = 12

// Plan writes a plan: what changes, how, what happens afterwards, and how much of it there is.
func (t Text) Plan(p plan.Plan) {
	c := painter(t.Color)
	for _, w := range p.Waiting {
		fmt.Fprintf(t.W, "%s %s\n", c(yellow, "Waiting:"), w)
	}
	t.table(p, c)
	t.diffs(p, c)
	t.rest(p, c)
}

// rest writes what is no change: conflicts, what is left, effects, and the counts.
func (t Text) rest(p plan.Plan, c paint) {
	for _, x := range p.Conflicts {
		fmt.Fprintf(t.W, "%s %s: %s\n", c(red, "Conflict:"), x.Name, x.Reason)
		if x.Hint != "" {
			fmt.Fprintf(t.W, "  %s\n", x.Hint)
		}
	}
	for _, x := range p.Elsewhere {
		fmt.Fprintf(t.W, "%s %s\n", c(faint, "Not applicable:"), x)
	}
	for _, left := range p.Left {
		fmt.Fprintf(t.W, "%s %s\n", c(faint, "Left to the running node:"), left)
	}
	for _, e := range p.Effects {
		when := "Afterwards:"
		if e.Pending {
			when = "Still to do:"
		}
		fmt.Fprintf(t.W, "%s %s (%s). %s\n", c(yellow, when), e.Name, e.Reason, e.Disturbs)
	}
	fmt.Fprintln(t.W, Summary(p))
}

func (t Text) table(p plan.Plan, c paint) {
	width, kind := 0, len("secret ")
	for _, x := range p.Changes {
		width, kind = max(width, len(place(x.ID))), max(kind, len(x.Kind))
	}
	width = min(width, 80)
	for _, x := range p.Changes {
		reason := x.Reason
		if x.Sensitive {
			reason += " " + hidden
		}
		line := fmt.Sprintf("  %s %-*s %-*s  %s", c(actionColor(x.Action), string(rune(x.Action))), kind, x.Kind, width, place(x.ID), reason)
		if x.Effect != render.NoEffect {
			line += "  " + c(yellow, string(x.Effect))
		}
		fmt.Fprintln(t.W, line)
	}
	if len(p.Changes) > 0 {
		fmt.Fprintln(t.W)
	}
}

func (t Text) diffs(p plan.Plan, c paint) {
	left, shown := 0, 0
	for _, x := range p.Changes {
		short := x.Action == plan.Create || x.Action == plan.Delete
		if short && shown >= shownDiffs && !t.All {
			left++
			continue
		}
		text := Diff(x)
		if text == "" {
			continue
		}
		if short {
			shown++
		}
		fmt.Fprintln(t.W, colorDiff(visible(text), c))
	}
	if left > 0 {
		fmt.Fprintf(t.W, "%s\n\n", c(faint, fmt.Sprintf("(%d more new or vanishing files; -v shows them)", left)))
	}
}

// place names a resource, and the node that it is on where that is another.
func place(id render.ID) string {
	if id.Node == "" {
		return id.Name
	}
	return id.Name + " on " + id.Node
}

func actionColor(a plan.Action) int {
	switch a {
	case plan.Create:
		return green
	case plan.Delete:
		return red
	case plan.Forget:
		return faint
	}
	return yellow
}

// Summary gives a plan's counts in one line.
func Summary(p plan.Plan) string {
	if p.Empty() && len(p.Conflicts) == 0 {
		return fmt.Sprintf("Nothing to do; %d unchanged.", p.Unchanged)
	}
	var parts []string
	for _, a := range []plan.Action{plan.Create, plan.Update, plan.Adopt, plan.Delete, plan.Forget} {
		if n := p.Count(a); n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, a))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no file changes"}
	}
	s := fmt.Sprintf("Plan: %s; %d unchanged.", strings.Join(parts, ", "), p.Unchanged)
	if n := len(p.Conflicts); n > 0 {
		s += fmt.Sprintf(" %d conflict", n)
		if n > 1 {
			s += "s"
		}
		if p.Barred() {
			s += ": it cannot be applied."
		} else {
			s += ", held back."
		}
	}
	return s
}
