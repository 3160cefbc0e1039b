package view

import (
	"fmt"
	"io"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Recovery is what was found of an apply that did not come to its end, and what has become of it.
type Recovery struct {
	Undone      bool        // false: nothing was left, or it still waits
	Unconfirmed bool        // it came to its end, and nobody has confirmed it; else it was cut off
	Waits       time.Time   // until when it can be confirmed; zero: it does not wait
	Generation  int         // that it was to become
	At          time.Time   // when it began
	By          plan.Author // who ran it
	Files       []string    // that it was to change: they are as they were, but for those that follow
	Left        []string    // that somebody has changed since: they stay as they are
	Lost        []string    // of which nobody knows any more what they held
	Forward     bool        // something that is no file was begun: the next apply goes on with it
	Damage      string      // why the journal cannot be trusted; empty: it can, or there is none
	Aside       string      // where such a journal is kept
}

// Why says in a few words why an apply is undone.
func (r Recovery) Why() string {
	if r.Unconfirmed {
		return "not confirmed in time"
	}
	return "cut off"
}

// recoveryJSON is the form of a recovery that programs read.
type recoveryJSON struct {
	FormatVersion string     `json:"formatVersion"`
	Undone        bool       `json:"undone"`
	Reason        string     `json:"reason,omitempty"`
	ConfirmBy     *time.Time `json:"confirmBy,omitempty"`
	Generation    int        `json:"generation,omitempty"`
	StartedAt     *time.Time `json:"startedAt,omitempty"`
	Command       string     `json:"command,omitempty"`
	Files         []string   `json:"files"`
	Left          []string   `json:"left"`
	Lost          []string   `json:"lost"`
	Damage        string     `json:"damage,omitempty"`
}

// RecoveryJSON writes a recovery as one JSON document.
func RecoveryJSON(w io.Writer, r Recovery) error {
	doc := recoveryJSON{
		FormatVersion: FormatVersion, Undone: r.Undone, Generation: r.Generation, Command: r.By.Command, Damage: r.Damage,
		Files: append([]string{}, r.Files...), Left: append([]string{}, r.Left...), Lost: append([]string{}, r.Lost...),
	}
	if r.Undone {
		doc.StartedAt, doc.Reason = &r.At, r.Why()
	}
	if !r.Waits.IsZero() {
		doc.ConfirmBy = &r.Waits
	}
	return encode(w, doc)
}

// Recovery writes a recovery.
func (t Text) Recovery(r Recovery) {
	c := painter(t.Color)
	switch {
	case r.Undone:
		fmt.Fprintf(t.W, "%s an apply was %s (%s, pid %d: %s). Its %s as before.\n", c(yellow, "Undone:"),
			r.Why(), r.At.Format(time.RFC3339), r.By.PID, visible(r.By.Command), areBack(len(r.Files)-len(r.Left)))
	case !r.Waits.IsZero():
		fmt.Fprintf(t.W, "%s an apply waits to be confirmed until %s.\n", c(yellow, "Waiting:"), r.Waits.Local().Format(time.RFC3339))
	case r.Damage == "" && !r.Forward:
		fmt.Fprintln(t.W, "Nothing was left unfinished.")
	}
	if r.Damage != "" {
		fmt.Fprintf(t.W, "%s the journal of an apply that was cut off cannot be trusted (%s); it is kept as %q. Some of its files may be changed: regsync apply finishes it, regsync reset gives back what stood there before.\n",
			c(red, "Damaged:"), r.Damage, r.Aside)
	}
	if r.Forward {
		fmt.Fprintf(t.W, "%s regsync apply goes on with what else was begun: images, secrets, an add-on\n", c(yellow, "Unfinished:"))
	}
	for _, name := range r.Left {
		fmt.Fprintf(t.W, "%s %s was changed by somebody since: it stays as it is\n", c(yellow, "Left:"), name)
	}
	for _, name := range r.Lost {
		fmt.Fprintf(t.W, "%s what %s held is not kept any more: it stays as it is\n", c(red, "Lost:"), name)
	}
}

func areBack(files int) string {
	if files == 1 {
		return "1 file is"
	}
	return render.Count(files, "file") + " are"
}
