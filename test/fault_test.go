package test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsync/regsync/test/rig"
)

// fault is what happens to the calls of an apply from some point on.
type fault struct {
	name    string
	error   syscall.Errno
	lasting bool // not once, but on and on, as a disk fails: what goes to other programs still arrives
}

var faults = []fault{{"EIO", syscall.EIO, false}, {"ENOSPC", syscall.ENOSPC, true}, {"EROFS", syscall.EROFS, true}}

// TestFaults lets each call fail by which an apply changes anything outside of itself, once or from then on. The apply does all the same what
// it is to do, or says so and leaves the node as it was, or says that it could not; then a recovery can, when the fault is over.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		for _, c := range asked() {
			if !long && f.error == syscall.ENOSPC {
				continue // EROFS lasts too
			}
			if c.cluster && f.lasting {
				continue // it is a disk's
			}
			t.Run(f.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				inBattered(t, c, func(b *battered) { b.failAll(f, c) })
			})
		}
	}
}

func (b *battered) failAll(f fault, c crash) {
	start := time.Now()
	r := b.rehearse(c)
	step := 1
	switch {
	case !long:
		step = len(r.calls)/4 + 1
	case f.lasting:
		step = 4
	}
	codes := map[string]int{}
	points := 0
	for n := step - 1; ; n += step {
		var at rig.Call
		count := 0
		code, out := b.watched(func(call rig.Call) rig.Verdict {
			count++
			if count == n+1 {
				at = call
			}
			if count == n+1 || count > n && f.lasting && strings.HasPrefix(call.Path, "/") {
				return rig.Verdict{Error: f.error}
			}
			return rig.Verdict{}
		}, "apply", "-f", c.spec, "--yes")
		if count <= n {
			break
		}
		points++
		codes[fmt.Sprintf("exit code %d", code)]++
		b.afterFault(c, r, fmt.Sprintf("%s at %d, %s", f.name, n, at), code, out)
	}
	b.done()
	b.Logf("%s, %s: %d of %d calls failed: %s, in %s", f.name, c.name, points, len(r.calls), sums(codes), time.Since(start).Round(time.Second))
}

// afterFault judges how an apply ended, and what it has left. The fault is over.
func (b *battered) afterFault(c crash, r rehearsal, where string, code int, out string) {
	b.Helper()
	said := slices.ContainsFunc([]string{"regsync: error: ", "regsync: warning: ", "Waiting: ", "held back"}, func(word string) bool { return strings.Contains(out, word) })
	if _, after, found := strings.Cut(out, "\nPlan: "); found {
		out = after // the diffs before say nothing here
	}
	seen := b.seeNode()
	fromOld, fromNow := seen.differs(r.old), seen.differs(r.now)
	switch {
	case code == 0 && fromNow != "":
		b.Errorf("%s: exit code 0, but the node is not as it is to be:\n%s\n%s", where, fromNow, out)
	case code == 3 && fromNow != "" && fromOld != "":
		b.Errorf("%s: exit code 3, and the node is neither as it is to be:\n%s\nnor as before:\n%s\n%s", where, fromNow, fromOld, out)
	case code == 1 && fromOld != "":
		b.Errorf("%s: exit code 1, but the node is not as before:\n%s\n%s", where, fromOld, out)
	case !slices.Contains([]int{0, 1, 3, 4}, code):
		b.Errorf("%s: exit code %d\n%s", where, code, out)
	}
	if code != 0 && !said {
		b.Errorf("%s: exit code %d without a word\n%s", where, code, out)
	}
	b.recover(c, where, r)
}
