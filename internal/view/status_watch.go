package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/regsync/regsync/internal/beacon"
)

// watch writes what the service that looks after the node last said of it.
func (t Text) watch(w beacon.Status, c paint) {
	line := func(color int, format string, args ...any) {
		fmt.Fprintf(t.W, "%s %s\n", c(color, "Watch:"), visible(fmt.Sprintf(format, args...)))
	}
	at := func(when time.Time) string { return when.Local().Format(time.RFC3339) }
	if !w.Running {
		line(red, "regsync watch (pid %d) has ended without a word; what it said last:", w.PID)
	}
	switch {
	case w.Last == nil:
		line(yellow, "regsync watch (pid %d) looks at the node for the first time", w.PID)
	case w.Converged:
		line(green, "converged since %s, generation %d", at(w.Since), w.Generation)
	default:
		line(yellow, "not converged since %s, generation %d", at(w.Since), w.Generation)
	}
	if w.Spec != nil {
		line(red, "the file is not valid, and the last good one has been in force since %s: %s", at(w.Spec.Since), w.Spec.Message)
	}
	if w.LastError != nil {
		line(red, "failing since %s: %s", at(w.LastError.Since), w.LastError.Message)
	}
	for _, f := range w.Failed {
		line(red, "%s %s: %s", f.Action, f.ID, f.Error)
	}
	for _, p := range w.Pending {
		until := ""
		if p.Until != nil {
			until = " until " + at(*p.Until)
		}
		line(yellow, "%s %s waits%s (%s): %s", p.Action, p.ID, until, p.Wait, p.Reason)
	}
	for _, s := range w.Streams {
		if !s.Up {
			line(yellow, "no word from %s since %s: %s", s.Name, at(s.Since), s.Why)
		}
	}
	if l := w.Last; l != nil && len(l.Changes)+len(l.Effects) > 0 {
		done := l.Effects
		for _, x := range l.Changes {
			done = append(done, x.Action+" "+x.String())
		}
		line(cyan, "last change at %s, because of %s: %s", at(l.At), strings.Join(l.Causes, ", "), strings.Join(done, ", "))
	}
}
