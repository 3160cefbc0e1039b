package view

import (
	"fmt"
	"io"
	"time"

	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Status is how a node stands to what was applied, and to its file.
type Status struct {
	Generation int       // 0: nothing was applied yet
	AppliedAt  time.Time // zero: never
	Rollback   int       // the generation that the last one went back to; 0: it was an apply
	Drift      []plan.Drifted
	AtWork     string     // who changes the node just now; empty: nobody
	Unfinished bool       // an apply was cut off, or waits to be confirmed
	Forward    bool       // what is unfinished is no file, so nothing is undone: the next apply goes on with it
	ConfirmBy  time.Time  // until when it can be; zero: nothing waits
	Plan       *plan.Plan // what apply would do; nil where there is no file to say
	LastError  string     // why the last apply failed; empty: it did not
	Damage     string     // why nothing is known of what is ours; empty: it is known

	Watch  *beacon.Status // what the service that looks after the node says; nil: there is none
	Unread string         // why only that is known; empty: all is
}

// Converged reports whether there is nothing to do, as far as is known.
func (s Status) Converged() bool {
	if s.Unread != "" {
		return s.Watch != nil && s.Watch.Running && s.Watch.Converged
	}
	return len(s.Drift) == 0 && !s.Unfinished && s.AtWork == "" && s.Damage == "" && (s.Plan == nil || s.Plan.Empty() && len(s.Plan.Conflicts) == 0)
}

// statusJSON is the form of a status that programs read.
type statusJSON struct {
	FormatVersion string         `json:"formatVersion"`
	Generation    int            `json:"generation"`
	AppliedAt     *time.Time     `json:"appliedAt"` // null: never
	Rollback      int            `json:"rollback,omitempty"`
	Converged     bool           `json:"converged"`
	Drift         []plan.Drifted `json:"drift"`
	Planned       bool           `json:"planned"` // false: there was no file to compare with
	Pending       []pendingJSON  `json:"pending"`
	Waiting       []string       `json:"waiting,omitempty"`
	AtWork        string         `json:"atWork,omitempty"`
	Unfinished    bool           `json:"unfinished"`
	ConfirmBy     *time.Time     `json:"confirmBy,omitempty"`
	LastError     string         `json:"lastError"`
	Damage        string         `json:"damage,omitempty"`
	Watch         *beacon.Status `json:"watch,omitempty"`
	Unread        string         `json:"unread,omitempty"`
}

// pendingJSON is a change (its action is one of a plan's), an effect (kind effect, action run), or a conflict (action conflict).
type pendingJSON struct {
	render.ID
	Action string `json:"action"`
	Reason string `json:"reason"`
}

// StatusJSON writes a status as one JSON document.
func StatusJSON(w io.Writer, s Status) error {
	doc := statusJSON{
		FormatVersion: FormatVersion, Generation: s.Generation, Rollback: s.Rollback, Converged: s.Converged(),
		Drift: append([]plan.Drifted{}, s.Drift...), Planned: s.Plan != nil, Pending: []pendingJSON{}, Unfinished: s.Unfinished, AtWork: s.AtWork,
		LastError: s.LastError, Damage: s.Damage, Watch: s.Watch, Unread: s.Unread,
	}
	if !s.AppliedAt.IsZero() {
		doc.AppliedAt = &s.AppliedAt
	}
	if !s.ConfirmBy.IsZero() {
		doc.ConfirmBy = &s.ConfirmBy
	}
	if s.Plan != nil {
		doc.Waiting = s.Plan.Waiting
		for _, c := range s.Plan.Changes {
			doc.Pending = append(doc.Pending, pendingJSON{c.ID, c.Action.String(), c.Reason})
		}
		for _, e := range s.Plan.Effects {
			doc.Pending = append(doc.Pending, pendingJSON{render.ID{Kind: "effect", Name: string(e.Name)}, "run", e.Reason})
		}
		for _, x := range s.Plan.Conflicts {
			doc.Pending = append(doc.Pending, pendingJSON{x.ID, "conflict", x.Reason})
		}
	}
	return encode(w, doc)
}

// Status writes a status.
func (t Text) Status(s Status) {
	c := painter(t.Color)
	if s.Watch != nil {
		defer t.watch(*s.Watch, c)
	}
	if s.Unread != "" {
		fmt.Fprintf(t.W, "%s %s\n", c(yellow, "Not seen, but what regsync watch says:"), visible(s.Unread))
		return
	}
	switch {
	case s.Damage != "":
		fmt.Fprintf(t.W, "%s %s\n", c(red, "Damaged:"), s.Damage)
	case s.Generation == 0:
		fmt.Fprintln(t.W, "Nothing was applied yet.")
	case s.Rollback > 0:
		fmt.Fprintf(t.W, "Generation %d, a rollback to %d, applied %s.\n", s.Generation, s.Rollback, s.AppliedAt.Format(time.RFC3339))
	default:
		fmt.Fprintf(t.W, "Generation %d, applied %s.\n", s.Generation, s.AppliedAt.Format(time.RFC3339))
	}
	if s.LastError != "" {
		fmt.Fprintf(t.W, "%s %s\n", c(red, "The last apply failed:"), visible(s.LastError))
	}
	switch {
	case s.AtWork != "":
		fmt.Fprintf(t.W, "%s another regsync (%s)\n", c(yellow, "At work:"), visible(s.AtWork))
	case !s.ConfirmBy.IsZero():
		fmt.Fprintf(t.W, "%s the last apply is undone after %s, unless it is confirmed: regsync confirm\n", c(yellow, "Unfinished:"), s.ConfirmBy.Local().Format(time.RFC3339))
	case s.Unfinished && s.Forward:
		fmt.Fprintf(t.W, "%s an apply was cut off when its files were done; regsync apply goes on with the rest\n", c(red, "Unfinished:"))
	case s.Unfinished:
		fmt.Fprintf(t.W, "%s an apply was cut off; regsync recover undoes it, and so does the next apply before it begins\n", c(red, "Unfinished:"))
	}
	for _, d := range s.Drift {
		fmt.Fprintf(t.W, "%s %s %s\n", c(yellow, "Drift:"), place(d.ID), d.Reason)
	}
	switch {
	case s.Plan == nil:
		fmt.Fprintln(t.W, "What the file would change is not known: there is none.")
	case !s.Plan.Empty() || len(s.Plan.Conflicts)+len(s.Plan.Waiting) > 0:
		fmt.Fprintln(t.W)
		t.outline(*s.Plan, c)
	}
	if s.Converged() && s.Generation > 0 {
		fmt.Fprintln(t.W, c(green, "Converged."))
	}
}

// outline writes a plan without its diffs.
func (t Text) outline(p plan.Plan, c paint) {
	for _, w := range p.Waiting {
		fmt.Fprintf(t.W, "%s %s\n", c(yellow, "Waiting:"), w)
	}
	t.table(p, c)
	t.rest(p, c)
}
