package apply

import (
	"context"

	"github.com/regsync/regsync/plan"
)

// Cut is an apply that was cut off, or that nobody has confirmed.
type Cut struct {
	Changes []plan.Change // of files, in the order in which they were made
	Before  []plan.Live   // the files as they were
	Effects []plan.Effect

	// Ours reports whether a file, by its place among the changes, holds what that apply put there or found there.
	Ours func(i int, live []byte) bool
}

// Recover puts every file back that the apply has changed, and runs its effects again, for nobody knows how far it came. What somebody
// else has changed since stays as it is: those files are given. It can itself be cut off at any point and run again.
func Recover(ctx context.Context, cut Cut, n Node, tell func(Event)) (left []string, err error) {
	r := run{changes: cut.Changes, node: n, tell: tell, ran: cut.Effects}
	for i, c := range cut.Changes {
		r.done = append(r.done, done{c, cut.Before[i], func(live []byte) bool { return cut.Ours(i, live) }})
	}
	return r.back(ctx)
}
