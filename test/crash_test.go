package test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/test/rig"
)

// long says that the full matrices are asked for, as make test-long does. Otherwise a few points of each are taken.
var long = os.Getenv("REGSYNC_LONG") != ""

// crash is an apply that is killed.
type crash struct {
	name    string
	before  string // the spec that was applied before; empty: none
	spec    string
	cluster bool // it writes there too
}

var crashes = []crash{
	{"first", "", "first.yaml", false}, {"second", "first.yaml", "second.yaml", false}, {"cluster", "cluster-before.yaml", "cluster.yaml", true},
}

// asked are the crashes that are tried: without long those in which most happens.
func asked() []crash {
	if long {
		return crashes
	}
	return crashes[1:]
}

// TestCrash kills an apply before each call by which it changes anything outside of itself: each write, rename, fsync, unlink, connect and
// start of a process. Then each file is as before or as it is to be, and the recovery makes all of them the one or the other; the
// ledger agrees with the node; and a reset gives back what stood there in the beginning.
func TestCrash(t *testing.T) {
	for _, c := range asked() {
		for shard := range shards() {
			t.Run(fmt.Sprintf("%s/%d", c.name, shard), func(t *testing.T) {
				t.Parallel()
				inBattered(t, c, func(b *battered) { b.crashAll(c, shard) })
			})
		}
	}
}

// TestCrashTwice kills the recovery too.
func TestCrashTwice(t *testing.T) {
	for _, c := range asked() {
		if c.cluster {
			continue // a recovery changes nothing there
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBattered(t, c, func(b *battered) { b.crashTwice(c) })
		})
	}
}

// shards is among how many nodes the points of a matrix are divided.
func shards() int {
	if long {
		return 2
	}
	return 1
}

// inBattered gives do a node of its own, with a cluster where the crash wants one.
func inBattered(t *testing.T, c crash, do func(b *battered)) {
	t.Helper()
	require(t, "2.2")
	if _, err := rig.FindKube(); err != nil && c.cluster {
		rig.Missing(t, "kube", err.Error())
	}
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	b := newBattered(t, program)
	if c.cluster {
		b.startCluster()
	}
	do(b)
}

// crashAll kills at every point of a shard; without long, at three.
func (b *battered) crashAll(c crash, shard int) {
	start := time.Now()
	r := b.rehearse(c)
	killed := map[string]int{}
	points := 0
	for n := shard; ; n += shards() {
		if !long {
			n = len(r.calls) * (2*points + 1) / 6
		}
		call, died := b.kill(n, "apply", "-f", c.spec, "--yes")
		if !died {
			break
		}
		killed[call.Name]++
		points++
		if found := b.halfDone(r); found != "" {
			b.Errorf("killed at %d, before %s:\n%s", n, call, found)
		}
		b.recover(c, fmt.Sprintf("killed at %d, before %s", n, call), r)
	}
	b.done()
	if long && points < len(r.calls)*8/10/shards() { // how often it writes to a daemon varies
		b.Errorf("killed at %d points only, of %d", points, len(r.calls))
	}
	b.Logf("%s: an apply makes %d such calls; killed before %d of them (%s), each time recovered and reset; %d records without a name, in %s",
		c.name, len(r.calls), points, sums(killed), b.nameless, time.Since(start).Round(time.Second))
}

// crashTwice kills at some points, and the recovery from each at some too.
func (b *battered) crashTwice(c crash) {
	start := time.Now()
	r := b.rehearse(c)
	first, from, second := 1, 20, 0
	if long {
		first, from, second = 12, 0, 11
	}
	points := 0
	for i := range first {
		n := len(r.calls) * (2*i + 1) / (2 * first)
		for m := from + i; ; m += second {
			call, _ := b.kill(n, "apply", "-f", c.spec, "--yes") // where it came to its end before, there is nothing to recover
			again, died := b.kill(m, "recover")
			where := fmt.Sprintf("killed at %d, before %s, and the recovery at %d, before %s", n, call, m, again)
			if died {
				points++
				if found := b.halfDone(r); found != "" {
					b.Errorf("%s:\n%s", where, found)
				}
			}
			b.recover(c, where, r)
			if !died || second == 0 {
				break
			}
		}
	}
	b.done()
	b.Logf("%s: killed at %d points, and the recovery then at %d in all, in %s", c.name, first, points, time.Since(start).Round(time.Second))
}

// rehearsal is an apply that nothing has happened to.
type rehearsal struct {
	old, now            picture // the node before and after
	oldObjects, objects picture // the cluster's
	plan                []string
	calls               []rig.Call
}

// rehearse applies without harm, and leaves the node as it is before.
func (b *battered) rehearse(c crash) (r rehearsal) {
	b.Helper()
	b.prepare(c)
	r.old, r.oldObjects = b.seeNode(), b.seeObjects()
	r.plan = b.files("plan", "-f", c.spec, "-o", "json")
	code, out := b.watched(func(call rig.Call) rig.Verdict {
		r.calls = append(r.calls, call)
		return rig.Verdict{}
	}, "apply", "-f", c.spec, "--yes")
	if code != 0 {
		b.Fatalf("exit code %d\n%s", code, out)
	}
	r.now, r.objects = b.seeNode(), b.seeObjects()
	b.done()
	b.prepare(c)
	return r
}

// prepare brings a fresh node to where the apply begins.
func (b *battered) prepare(c crash) {
	b.Helper()
	if c.before != "" {
		b.does([]int{0}, "apply", "-f", c.before, "--yes")
	}
}

// kill runs regsync and kills it before its n-th call; died is false where it does not make so many.
func (b *battered) kill(n int, args ...string) (at rig.Call, died bool) {
	b.Helper()
	count := 0
	code, out := b.watched(func(call rig.Call) rig.Verdict {
		count++
		if count != n+1 {
			return rig.Verdict{}
		}
		at = call
		return rig.Verdict{Kill: true}
	}, args...)
	switch code {
	case -1:
		return at, true
	case 0:
		return at, false
	}
	b.Fatalf("regsync %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	return at, false
}

// recover ends what a killed run has left, and looks at everything: all files are as before or as they are to be, and the ledger knows which.
// Then it gives the node back, on every second call after a further apply; and then it is where the next apply begins.
func (b *battered) recover(c crash, where string, r rehearsal) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.microk8s.CRI.Await(ctx, true); err != nil { // it may have been killed while containerd was restarted
		b.Fatalf("%s: %v", where, err)
	}
	said := b.does([]int{0}, "recover")
	seen := b.seeNode()
	fromOld, fromNow := seen.differs(r.old), seen.differs(r.now)
	plan := b.files("plan", "-f", c.spec, "-o", "json")
	switch {
	case fromOld != "" && fromNow != "":
		b.Errorf("%s: recovered (%s), but the node is neither as before:\n%s\nnor as it is to be:\n%s", where, said, fromOld, fromNow)
	case fromNow == "" && len(plan) > 0:
		b.Errorf("%s: recovered (%s), and the node is as it is to be, but the plan has %q", where, said, plan)
	case fromNow != "" && !slices.Equal(plan, r.plan):
		b.Errorf("%s: recovered (%s), and the node is as before, but the plan has %q and not %q", where, said, plan, r.plan)
	}
	b.objectsAgree(where, c, r)
	if b.recovered++; b.recovered%2 == 0 {
		b.does([]int{0}, "apply", "-f", c.spec, "--yes")
		if difference := b.seeNode().differs(r.now) + b.seeObjects().differs(r.objects); difference != "" {
			b.Errorf("%s: recovered (%s) and applied, but the node is not as it is to be:\n%s", where, said, difference)
		}
		b.does([]int{0}, "status", "-f", c.spec) // nothing is unfinished, and the plan is empty
	}
	b.where = where
	b.done()
	b.prepare(c)
}

// files gives the changes of files in a plan, a line each.
func (b *battered) files(args ...string) (lines []string) {
	b.Helper()
	for _, c := range b.changes(args...) {
		if c.Kind == "file" {
			lines = append(lines, c.Action+" "+c.Name+" "+c.Diff)
		}
	}
	return lines
}

// planned is a change in a plan.
type planned struct{ Kind, Name, Action, Diff string }

func (b *battered) changes(args ...string) []planned {
	b.Helper()
	var doc struct{ Changes []planned }
	if err := json.Unmarshal([]byte(b.output(args...)), &doc); err != nil {
		b.Fatal(err)
	}
	return doc.Changes
}

// done gives the node back, and makes sure that it is as it was in the beginning, and that no image is left.
func (b *battered) done() {
	b.Helper()
	b.does([]int{0}, "reset", "--yes")
	if difference := b.see().differs(b.original) + b.seeObjects().differs(b.originalObjects); difference != "" {
		b.Fatalf("%s: given back, but not as it was:\n%s", b.where, difference)
	}
	b.noImages()
}

// noImages makes sure that no image is left, as soon as the CRI has heard what goes on in the store. A record without a name that the CRI has
// made of its own accord, in the moment in which the name went, is counted and taken away: kubelet's garbage collection does that.
func (b *battered) noImages() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		images, err := b.microk8s.CRI.Images(context.Background())
		if err == nil && len(images) == 0 {
			return
		}
		select {
		case <-again.C:
			continue
		case <-ctx.Done():
		}
		for _, image := range images {
			if len(image.RepoTags)+len(image.RepoDigests) > 0 {
				err = errors.Join(err, fmt.Errorf("left: %v", image))
			}
			err = errors.Join(err, b.microk8s.CRI.Remove(context.Background(), image.Id))
		}
		if err != nil {
			b.Fatalf("%s: given back, and there are images: %v", b.where, err)
		}
		b.Logf("%s: the CRI has kept %d records without a name", b.where, len(images))
		b.nameless += len(images)
	}
}

// sums writes how many there are of each, the most first.
func sums(count map[string]int) string {
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", count[name], name)
	}
	return strings.Join(names, ", ")
}
