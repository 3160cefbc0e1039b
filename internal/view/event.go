package view

import (
	"fmt"
	"io"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
)

// Event writes what happens during an apply, in the words of the plan. Files are named only where all is asked for.
func Event(w io.Writer, color bool, e apply.Event, all bool) {
	c := painter(color)
	switch e.Stage {
	case apply.Wrote:
		if all {
			fmt.Fprintf(w, "  %s %s\n", c(actionColor(e.Change.Action), string(rune(e.Change.Action))), e.Change.Name)
		}
	case apply.Running:
		fmt.Fprintf(w, "%s …\n", e.Effect.Name)
	case apply.Ran, apply.Unserved:
		// The line before says it, or a warning will.
	case apply.Moving, apply.Awaiting, apply.Done, apply.Failed:
		// Progress shows how they get along.
	case apply.Skipped:
		fmt.Fprintf(w, "%s is not running: it reads its files when it starts\n", e.Effect.Target())
	case apply.Undoing:
		fmt.Fprintf(w, "%s %v\n", c(red, "Putting everything back:"), e.Err)
	default:
		panic(fmt.Sprintf("unknown stage %q", e.Stage))
	}
}

// past is what has become of the thing that was changed.
var past = map[plan.Action]string{
	plan.Create: "created", plan.Update: "updated", plan.Adopt: "adopted", plan.Delete: "deleted", plan.Forget: "forgotten",
}

// Past says what has become of a thing that was changed so: "created".
func Past(a plan.Action) string { return past[a] }

// Applied says in one line that a plan was carried out.
func Applied(p plan.Plan) string {
	s := "Applied:"
	for _, a := range []plan.Action{plan.Create, plan.Update, plan.Adopt, plan.Delete, plan.Forget} {
		if n := p.Count(a); n > 0 {
			s += fmt.Sprintf(" %d %s,", n, past[a])
		}
	}
	return s + fmt.Sprintf(" %d unchanged.", p.Unchanged)
}
