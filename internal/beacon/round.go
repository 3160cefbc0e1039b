package beacon

import (
	"strings"
	"time"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
)

// Round is one look at the node, and what came of it.
type Round struct {
	Began  time.Time
	Took   time.Duration
	Causes []string // why it was looked at; the first one gives the trigger, see [Trigger]

	Generation int             // the last one that was applied
	Done       []plan.Change   // what was changed
	Failed     []apply.Failure // what could not be
	Pending    []Pending
	Err        error // why it failed as a whole; nil: it did not
	Spec       error // why the file as it stands is not in force; nil: it is
}

// Result is how a round ended.
type Result string

// The results, the worst first.
const (
	Failed    Result = "failed"    // as a whole
	Part      Result = "part"      // some changes could not be made
	Waiting   Result = "waiting"   // nothing was done, and something waits
	Changed   Result = "changed"   // something was done
	Unchanged Result = "unchanged" // there was nothing to do
)

// result says how it ended. ran is whether something was restarted or reloaded.
func (r *Round) result(ran bool) Result {
	switch {
	case r.Err != nil:
		return Failed
	case len(r.Failed) > 0:
		return Part
	case len(r.Done) > 0 || ran:
		return Changed
	case len(r.Pending) > 0:
		return Waiting
	}
	return Unchanged
}

// Trigger gives the kind of a cause, of which there are a few: file for a path, else its first word (containerd of "containerd: /images/delete").
func Trigger(causes []string) string {
	if len(causes) == 0 {
		return "resync"
	}
	if strings.HasPrefix(causes[0], "/") {
		return "file"
	}
	end := strings.IndexFunc(causes[0]+" ", func(r rune) bool { return r < 'a' || r > 'z' })
	if end == 0 {
		return "other"
	}
	return causes[0][:end]
}
