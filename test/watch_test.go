package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/watch"
	"github.com/regsync/regsync/test/rig"
)

// TestFight lets a second writer change a file ten times in a second while regsync watches. How often regsync writes is bounded, who is named,
// everything else is healed at once, and when there is peace so is this.
func TestFight(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	n := newBareWatched(t, program, 3)
	n.start("--host", n.host)
	file, other := n.hosts(0), n.hosts(1)
	peace, writes := n.read(file), 0
	began := time.Now()
	for turn := range 100 {
		n.write(file, fmt.Sprintf("# mine, for the %dth time\n", turn), 0o644)
		if turn == 50 {
			n.ok(os.Remove(other))
		}
		time.Sleep(100 * time.Millisecond) // the other writer's pace
	}
	lasted := time.Since(began)
	n.await("peace", func(e event) bool {
		for _, c := range e.Changes {
			if c.Name == n.onNode(file) {
				writes++
			}
		}
		return e.Event == "converged" && n.read(file) == peace && n.read(other) != "" && time.Since(began) > lasted
	})
	n.stop()
	most := bound(time.Since(began))
	t.Logf("in %.1f s regsync wrote %d times; the bound is %d", time.Since(began).Seconds(), writes, most)
	if writes > most {
		t.Errorf("regsync wrote %d times, and at most %d are allowed", writes, most)
	}
	if !strings.Contains(n.log.String(), "somebody else changes it again and again") {
		t.Errorf("nobody names the fight:\n%s", n.log.String())
	}
}

// bound is how often regsync changes a thing back in some time.
func bound(in time.Duration) (writes int) {
	f := watch.Fights()
	start := time.Now()
	for now := start; now.Before(start.Add(in)); now = now.Add(10 * time.Millisecond) {
		if f.Until("it", now).IsZero() {
			f.Done("it", now)
			writes++
		}
	}
	return writes
}

// TestSoak lets a watched node drift ten thousand times, one way after the other at random, and the file change in between. It is healed each time,
// nothing else is ever written, and the process does not grow. Without long it is a short while.
func TestSoak(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	times := 60
	if long {
		times = 10_000
	}
	const registries = 40
	n := newBareWatched(t, program, registries)
	socket := filepath.Join(n.dir, "metrics.sock")
	n.start("--host", n.host, "--listen", "unix://"+socket)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // it is to be the same each time
	var sizes []size
	for turn := range times {
		file := n.hosts(random.IntN(registries))
		want, name := n.read(file), n.onNode(file)
		switch random.IntN(8) {
		case 0:
			n.ok(os.Remove(file))
		case 1:
			n.ok(os.Truncate(file, 3))
		case 2:
			away := n.path("away") // a directory that is removed entry by entry would be filled again meanwhile
			n.ok(os.Rename(filepath.Dir(file), away))
			n.ok(os.RemoveAll(away))
		case 3:
			n.write(file+".new", "server = \"https://elsewhere.lab\"\n", 0o644)
			n.ok(os.Rename(file+".new", file))
		case 4:
			n.ok(os.Rename(file, file+".away"))
		case 5:
			name, want = "/etc/hosts", "10.0.0.9 r1.lab"
			file = n.host + name
			n.write(file, "127.0.0.1 localhost\n", 0o644)
		case 6:
			name, want = "/etc/hosts", fmt.Sprintf("10.0.0.4 turn%d.lab", turn)
			file = n.host + name
			n.write(n.path("regsync.yaml"), n.bareSpec(registries)+fmt.Sprintf("etcHosts: [{address: 10.0.0.4, names: [turn%d.lab]}]\n", turn), 0o644)
		case 7:
			n.write(file, want+"# and more\n", 0o644)
		}
		e := n.await("turn "+strconv.Itoa(turn), func(e event) bool {
			got := n.read(file)
			return e.Event == "converged" && (got == want || name == "/etc/hosts" && strings.Contains(got, want))
		})
		for _, c := range e.Changes {
			if c.Name != name {
				t.Errorf("turn %d: %s was written too: %s", turn, c.Name, c.Reason)
			}
		}
		n.ok(n.cmd.Process.Signal(syscall.SIGHUP)) // it forgets who changed what: hours pass in a moment
		if turn%max(times/20, 1) == 0 {
			sizes = append(sizes, n.size(socket))
			t.Logf("turn %d: %v", turn, sizes[len(sizes)-1])
		}
	}
	last := n.size(socket)
	n.stop()
	half := sizes[len(sizes)/4:]
	t.Logf("%d turns; first %v, after a quarter %v, last %v", times, sizes[0], half[0], last)
	if long && last.resident > half[0].resident+4<<10 {
		t.Errorf("it grows: %v", append(sizes, last))
	}
	if slices.MinFunc(half, size.byFiles).files+2 < last.files || slices.MinFunc(half, size.byRoutines).routines+3 < last.routines {
		t.Errorf("it leaves files open, or goroutines: %v", append(sizes, last))
	}
}

// TestIdle looks at what a watch costs while nothing happens.
func TestIdle(t *testing.T) {
	if !long {
		t.Skip("it takes a minute: REGSYNC_LONG=1")
	}
	require(t, "2.2")
	program := regsync(t)
	if _, err := rig.FindKube(); err != nil {
		rig.Missing(t, "kube", err.Error())
	}
	if !rig.Isolated(t) {
		return
	}
	n := newWatched(t, program)
	n.ok(os.Remove(hosts("r0.lab")))
	n.await("it to be healed", func(e event) bool { return e.Event == "converged" && n.read(hosts("r0.lab")) != "" })
	time.Sleep(5 * time.Second) // what it has set off is over
	before := n.size("")
	const idle = time.Minute
	time.Sleep(idle)
	after := n.size("")
	t.Logf("%v, then %v", before, after)
	if after.resident > 32<<10 {
		t.Errorf("%d KiB are resident", after.resident)
	}
	if used := after.cpu - before.cpu; used > idle/1000 {
		t.Errorf("it used the processor for %v in %v", used, idle)
	}
	if after.written != before.written {
		t.Errorf("it wrote %d bytes", after.written-before.written)
	}
	n.stop()
}

// size is what a process takes.
type size struct {
	resident, files, routines int // KiB; open files; goroutines, where they were asked for
	cpu                       time.Duration
	written                   int
}

func (s size) byFiles(o size) int    { return s.files - o.files }
func (s size) byRoutines(o size) int { return s.routines - o.routines }

func (s size) String() string {
	return fmt.Sprintf("{%d KiB, %d files, %d goroutines, %v of the processor, %d bytes written}", s.resident, s.files, s.routines, s.cpu, s.written)
}

// size asks the kernel, and the watch itself where it listens on a socket.
func (n *watched) size(socket string) size {
	n.Helper()
	proc := fmt.Sprintf("/proc/%d/", n.cmd.Process.Pid)
	number := func(pattern, text string) int {
		n.Helper()
		found := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if found == nil {
			n.Fatalf("nothing like %s in\n%s", pattern, text)
		}
		v, err := strconv.Atoi(found[1])
		n.ok(err)
		return v
	}
	files, err := os.ReadDir(proc + "fd")
	n.ok(err)
	s := size{
		resident: number(`VmRSS:\s+(\d+)`, n.read(proc+"status")), files: len(files), written: number(`(?m)^write_bytes: (\d+)`, n.read(proc+"io")),
	}
	_, rest, _ := strings.Cut(n.read(proc+"stat"), ") ")
	words := strings.Fields(rest)
	for _, w := range words[11:13] { // in ticks, of which there are a hundred in a second (proc_pid_stat(5))
		ticks, err := strconv.Atoi(w)
		n.ok(err)
		s.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	if socket != "" {
		s.routines = number(`(?m)^go_goroutines (\d+)`, n.ask(socket, "/metrics"))
	}
	return s
}
