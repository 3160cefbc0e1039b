package apply

import "github.com/regsync/regsync/plan"

// Stage says what happens just now.
type Stage string

// The stages.
const (
	Wrote    Stage = "wrote"    // a file was written or removed
	Running  Stage = "running"  // an effect begins
	Ran      Stage = "ran"      // an effect took
	Skipped  Stage = "skipped"  // an effect had nobody to tell
	Unserved Stage = "unserved" // an effect is left to somebody else
	Undoing  Stage = "undoing"  // something failed, and everything is put back
	Moving   Stage = "moving"   // bytes of an image arrive
	Awaiting Stage = "awaiting" // something else has to happen first
	Done     Stage = "done"     // a change that stands for itself succeeded
	Failed   Stage = "failed"   // a change that stands for itself did not
)

// Event is one thing that happens during an apply.
type Event struct {
	Stage  Stage
	Change *plan.Change // of Wrote, Moving, Awaiting, Done and Failed
	Effect *plan.Effect // of Running, Ran, Skipped and Unserved
	Err    error        // of Unserved, Undoing and Failed
	Bytes  int64        // of Moving: how many more have arrived
	Note   string       // of Awaiting: what, in a few words
}
