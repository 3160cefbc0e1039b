package test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/test/rig"
)

// TestWatchWays shows how a watch treats what it may not do, cannot do, or is not to do.
func TestWatchWays(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	for name, way := range map[string]func(n *watched){
		"only reports": onlyReports, "ends when converged": endsConverged, "leaves what needs no change": leavesAlone, "holds back what a guard is against": holdsBack,
		"goes around what cannot be written": goesAround, "only reports after a rollback": afterRollback,
		"waits for another regsync": waitsForAnother, "says what it refuses": refuses,
		"asks no program because of a drift": asksOnce,
	} {
		t.Run(name, func(t *testing.T) {
			n := newBareWatched(t, program, 4)
			n.host, n.flags = n.path("node"), []string{"--host", n.path("node")}
			way(n)
		})
	}
}

func onlyReports(n *watched) {
	before := n.picture()
	n.launch("--report-only")
	n.awaitStatus("what differs to be reported", func(s beacon.Status) bool {
		return len(s.Pending) == 5 && !slices.ContainsFunc(s.Pending, func(p beacon.Pending) bool { return p.Wait != beacon.Report })
	})
	if diff := n.picture().differs(before); diff != "" {
		n.Errorf("it has changed something:\n%s", diff)
	}
	n.stop()
}

func endsConverged(n *watched) {
	n.launch("--once-converged")
	if err := <-n.ended; err != nil || len(n.events) != 1 {
		n.Errorf("it ends with %v after %d events\n%s", err, len(n.events), n.log.String())
	}
	<-n.events
	n.write(n.path("regsync.yaml"), n.bareSpec(5)+"pullSecrets: [\n", 0o644)
	n.launch("--once-converged", "--timeout", "2s")
	if err := <-n.ended; exitCode(n.T, err) != 1 || len(n.events) != 0 {
		n.Errorf("with a file that is not valid it ends with %v after %d events\n%s", err, len(n.events), n.log.String())
	}
}

func leavesAlone(n *watched) {
	n.start(n.flags...)
	n.settled()
	before := n.picture()
	now := time.Now()
	n.ok(os.Chtimes(n.hosts(0), now, now))
	n.ok(os.WriteFile(filepath.Dir(n.hosts(0))+"/README", nil, 0o644))
	n.ok(os.Remove(filepath.Dir(n.hosts(0)) + "/README"))
	n.ok(n.cmd.Process.Signal(syscall.SIGHUP))
	n.ok(os.Remove(n.hosts(1))) // when this is healed, the others were looked at
	n.await("the heal", func(e event) bool { return e.Event == "converged" && len(e.Changes) == 1 })
	n.stop()
	after := n.picture()
	delete(before, n.hosts(0))
	delete(after, n.hosts(0)) // its time is another
	if diff := after.differs(before); diff != "" {
		n.Errorf("more is different than was healed:\n%s", diff)
	}
}

func holdsBack(n *watched) {
	n.start(n.flags...)
	n.write(n.path("regsync.yaml"), strings.Replace(n.bareSpec(1), "registries:", "policy: {maxRemovals: 2}\nregistries:\n  - {host: new.lab, address: 10.0.0.7}", 1), 0o644)
	n.await("the new registry", func(e event) bool { return strings.Contains(n.read(n.host+"/etc/hosts"), "10.0.0.7 new.lab") })
	n.awaitStatus("the guard to be named", func(s beacon.Status) bool {
		return len(s.Pending) == 3 && !slices.ContainsFunc(s.Pending, func(p beacon.Pending) bool { return p.Wait != beacon.Guard || p.Action != "delete" })
	})
	for i := 1; i < 4; i++ {
		if _, err := os.Stat(n.hosts(i)); err != nil {
			n.Errorf("what is held back is gone: %v", err)
		}
	}
	if out, err := n.run(append([]string{"apply", "--yes", "--allow-removals"}, n.flags...)...); err != nil {
		n.Fatalf("%v\n%s", err, out)
	}
	n.await("it to converge", func(e event) bool { return e.Event == "converged" })
	n.stop()
}

func goesAround(n *watched) {
	n.start(n.flags...)
	stuck := n.hosts(0)
	n.ok(os.Truncate(stuck, 0))
	frozen := func(flag string) {
		if out, err := exec.Command("chattr", flag, stuck, filepath.Dir(stuck)).CombinedOutput(); err != nil {
			n.Skipf("this file system has no immutable files: %v %s", err, out)
		}
	}
	frozen("+i")
	defer exec.Command("chattr", "-i", stuck, filepath.Dir(stuck)).Run()
	n.ok(os.Remove(n.hosts(1)))
	n.await("the other one to be healed", func(e event) bool { return strings.Contains(n.read(n.hosts(1)), "regsync") })
	n.awaitStatus("what cannot be written to be named", func(s beacon.Status) bool {
		return slices.ContainsFunc(s.Pending, func(p beacon.Pending) bool {
			return p.Name == n.onNode(stuck) && p.Wait == beacon.Retry && p.Until != nil
		})
	})
	frozen("-i")
	n.await("it to be healed too", func(e event) bool { return e.Event == "converged" && n.read(stuck) != "" })
	n.stop()
}

func afterRollback(n *watched) {
	n.start(n.flags...)
	n.write(n.path("regsync.yaml"), n.bareSpec(3), 0o644)
	n.await("the second generation", func(e event) bool { return e.Event == "converged" })
	if out, err := exec.Command(n.program, append([]string{"rollback", "--yes"}, n.flags...)...).CombinedOutput(); err != nil {
		n.Fatalf("%v\n%s", err, out)
	}
	n.awaitStatus("it to report only", func(s beacon.Status) bool {
		return s.Generation == 3 && slices.ContainsFunc(s.Pending, func(p beacon.Pending) bool {
			return p.Wait == beacon.Report && strings.HasSuffix(p.Name, "r3.lab/hosts.toml")
		})
	})
	if _, err := os.Stat(n.hosts(3)); err != nil {
		n.Errorf("what the rollback has brought back is gone: %v", err)
	}
	if out, err := n.run(append([]string{"apply", "--yes"}, n.flags...)...); err != nil {
		n.Fatalf("%v\n%s", err, out)
	}
	n.await("it to go on", func(e event) bool { return e.Event == "converged" })
	n.ok(os.Remove(n.hosts(0)))
	n.await("a heal", func(e event) bool { return e.Event == "converged" && strings.Contains(n.read(n.hosts(0)), "regsync") })
	n.stop()
}

// asksOnce: what a program has for a password is asked when the file is another, and a drift is healed though the program would not answer.
func asksOnce(n *watched) {
	asked := n.path("asked")
	n.write(n.path("ask"), "#!/bin/sh\necho >>"+asked+"\necho s3cret\n", 0o755)
	withProgram := func(registries int) string {
		return strings.Replace(n.bareSpec(registries), "host: r0.lab", "host: r0.lab, credentials: c", 1) +
			"credentials: [{name: c, username: u, password: {command: [" + n.path("ask") + "]}}]\n"
	}
	n.write(n.path("regsync.yaml"), withProgram(4), 0o600)
	n.start(n.flags...)
	drift := func(i int) {
		n.ok(os.Remove(n.hosts(i)))
		n.await("the heal", func(e event) bool { return e.Event == "converged" && strings.Contains(n.read(n.hosts(i)), "regsync") })
	}
	drift(0)
	before := len(n.read(asked))
	n.write(n.path("ask"), "#!/bin/sh\necho >>"+asked+"\nexec sleep 1000\n", 0o755)
	drift(0)
	drift(1)
	if after := len(n.read(asked)); before == 0 || after != before {
		n.Errorf("the program was asked %d times, and %d times after the drifts", before, after)
	}
	n.write(n.path("ask"), "#!/bin/sh\necho >>"+asked+"\necho other\n", 0o755)
	n.write(n.path("regsync.yaml"), withProgram(5), 0o600)
	n.await("the new password", func(e event) bool {
		return e.Event == "converged" && strings.Contains(n.read(n.hosts(0)), "dTpvdGhlcg==")
	})
	n.stop()
}

func waitsForAnother(n *watched) {
	n.start(n.flags...)
	lock, err := os.OpenFile(n.host+"/var/lib/regsync/lock", os.O_RDWR, 0)
	n.ok(err)
	defer lock.Close()
	n.ok(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	n.ok(os.Remove(n.hosts(0)))
	n.awaitStatus("the other one to be named", func(s beacon.Status) bool {
		return slices.ContainsFunc(s.Pending, func(p beacon.Pending) bool { return p.Wait == beacon.Busy })
	})
	n.ok(lock.Close())
	n.await("the heal", func(e event) bool { return e.Event == "converged" && strings.Contains(n.read(n.hosts(0)), "regsync") })
	n.stop()
}

func refuses(n *watched) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"watch", "--root", n.host}, "nothing runs under --root"},
		{[]string{"watch", "-f", "-"}, "standard input cannot be watched"},
		{[]string{"watch", "--resync", "10ms"}, "it must be at least 1s"},
		{[]string{"watch", "--listen", "here"}, `"here" is no address`},
	} {
		out, err := exec.Command(n.program, c.args...).CombinedOutput()
		if exitCode(n.T, err) != 1 || !strings.Contains(string(out), c.says) {
			n.Errorf("%q: %v\n%s", c.args, err, out)
		}
	}
}

// launch starts the watch, and waits for nothing.
func (n *watched) launch(flags ...string) {
	n.Helper()
	n.log.Reset()
	n.begin(append(flags, n.flags...)...)
}

// picture is the node's files, and regsync's.
func (n *watched) picture() picture {
	n.Helper()
	p, err := take([]string{n.host + "/etc"})
	n.ok(err)
	return p
}

// settled waits until everything that the start has set off is over.
func (n *watched) settled() {
	n.awaitStatus("it to settle", func(s beacon.Status) bool { return s.Converged })
}

// awaitStatus waits until the status file says something.
func (n *watched) awaitStatus(what string, is func(beacon.Status) bool) {
	n.Helper()
	var s beacon.Status
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		data, err := os.ReadFile(n.host + "/run/regsync/watch.json")
		if err == nil {
			n.ok(json.Unmarshal(data, &s))
			if is(s) {
				return
			}
		} else if !errors.Is(err, os.ErrNotExist) {
			n.Fatal(err)
		}
		if time.Now().After(end) {
			n.Fatalf("waiting for %s; the status is\n%s\n%s", what, data, n.log.String())
		}
		select {
		case err := <-n.ended:
			n.Fatalf("waiting for %s, watch has ended: %v\n%s", what, err, n.log.String())
		default:
		}
	}
}
