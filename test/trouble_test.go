package test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// trouble is something that goes wrong with one apply, as docs/reliability.md has it in its table.
type trouble struct {
	fault string
	sees  string // words that the user is shown
	code  string // exit code
	node  string // how the node is then; see states

	apply deed
}

// How a node can be after an apply that something has happened to.
const (
	asBefore = "as before"
	asWanted = "as the file says"
	mended   = "as before, after `regsync recover`"
	partly   = "as the file says, but for what the API server did not take"
	keeps    = "as the file says; what it no longer names stays" // whose it was is not known
)

// state is the state directory.
const state = "/var/lib/regsync"

// onNew are troubles of the first apply on a node, onOld of a later one, inCluster of one that writes to the cluster.
var (
	onNew = []trouble{
		{"the disk of the state directory is full", "no space left on device", "1", asBefore, smallState("size=16k")},
		{"its inode table is full", "no space left on device", "1", asBefore, smallState("nr_inodes=5")},
		{"`/etc/docker` is read-only", "read-only file system", "1", asBefore, readOnly("/etc/docker")},
		{"`/etc/hosts` is immutable (`chattr +i`)", "operation not permitted", "1", asBefore, immutable("/etc/hosts")},
		{"`/etc/hosts` is a mount point", "Applied: ", "0", asWanted, mounted("/etc/hosts")},
		{"`certs.d` is missing", "Applied: ", "0", asWanted, missing("/var/snap/microk8s/current/args/certs.d")},
		{"an I/O error when `/etc/hosts` is written", "input/output error", "1", asBefore, failing(syscall.EIO, "write", "/etc/.hosts.regsync-new", false)},
		{"an I/O error when the journal is flushed", "input/output error", "1", asBefore, failing(syscall.EIO, "fsync", state+"/.journal.json", false)},
		{"the disk turns read-only when `daemon.json` is replaced", "putting things back failed too", "4", mended, failing(syscall.EROFS, "renameat", "/etc/docker/daemon.json", true)},
		{"the disk is full from `/etc/hosts` on", "putting things back failed too", "4", mended, failing(syscall.ENOSPC, "openat", "/etc/.hosts.regsync-new", true)},
		{"killed, or the power goes, when `daemon.json` is replaced", "Undone: an apply was cut off", "–", mended, at("renameat", "/etc/docker/daemon.json", killed)},
		{"killed when an image is there, before that is recorded", "Unfinished: regsync apply goes on", "–", asWanted, killedUnrecorded},
		{"interrupted (SIGTERM) when `/etc/hosts` is replaced", "every file is as it was before", "130", asBefore, at("renameat", "/etc/hosts", terminated)},
		{"the restart of containerd fails", "systemctl command [restart snap.microk8s.daemon-containerd.service] failed", "1", asBefore, snapNext("fail")},
		{"containerd comes up without its CRI", "the CRI does not answer after the restart", "1", asBefore, snapNext("down")},
		{"containerd is not running", "containerd is not running: it reads its files when it starts", "3", asWanted, withoutContainerd},
		{"containerd dies while it is restarted, and stays away", "the CRI does not answer after the restart", "1", asBefore, dyingContainerd(restarted, "connect", "--timeout", "15s")},
		{"containerd dies while it takes an image", "error: harbor.lab/app:1", "3", asWanted, dyingContainerd(committed, "write")},
		{"what is sent to containerd while it takes an image fails once", "error: harbor.lab/app:1", "3", asWanted, cutOff(committed)},
		{"dockerd ends when it is to reload", "reload docker is still to be done", "3", asWanted, dyingDockerd},
		{"another regsync is at work", "another regsync is at work on this node", "1", asBefore, locked},
	}
	onOld = []trouble{
		{"the ledger is of length zero", "the ledger is damaged", "0", keeps, damaged("ledger", func([]byte) []byte { return nil })},
		{"the ledger is half there", "the ledger is damaged", "0", keeps, damaged("ledger", half)},
		{"a bit of the ledger has flipped", "the ledger is damaged", "0", keeps, damaged("ledger", flipped)},
		{"the ledger's key is of length zero", "the ledger is damaged", "0", keeps, damaged("key", func([]byte) []byte { return nil })},
		{"the state directory is lost", "bears regsync's mark", "0", keeps, lost},
		{"a generation is half there", "Applied: ", "0", asWanted, damaged("generations/1", half)},
		{"a backup is half there", "what stood there before regsync is lost", "0", asWanted, damaged("backups/*", half)},
		{"all backups are lost", "what stood there before regsync is lost", "0", asWanted, lostBackups},
		{"the clock is a year behind the last apply", "Applied: ", "0", asWanted, ahead},
		{"the saved plan was edited", "it was edited since it was saved, or made on another node", "1", asBefore, edited},
		{"dockerd is not running", "docker is not running: it reads its files when it starts", "0", asWanted, withoutDockerd},
	}
	inCluster = []trouble{
		{"the API server dies after the first of two pull secrets", "error: team-b/harbor: ", "3", partly, dyingAPIServer},
	}
)

// TestTroubles brings each trouble about. The node is then as the page says, a recovery and a further apply make it as the file says, and
// what stood there before regsync comes back with a reset. Without long, it is every sixth.
func TestTroubles(t *testing.T) {
	for i, group := range [][]trouble{onNew, onOld, inCluster} {
		t.Run(crashes[i].name, func(t *testing.T) {
			t.Parallel()
			inBattered(t, crashes[i], func(b *battered) {
				r := b.rehearse(crashes[i])
				for j, x := range group {
					if !long && j%6 != 3 && len(group) > 6 {
						continue
					}
					well := t.Run(x.fault, func(t *testing.T) {
						outer := b.T
						b.T = t
						defer func() { b.T = outer }()
						b.endure(x, crashes[i], r)
					})
					if !well {
						return // what it has left would be the next one's
					}
				}
			})
		})
	}
}

// TestTroublesPage: the table of the page is these. UPDATE=1 writes it.
func TestTroublesPage(t *testing.T) {
	const page, head = "../docs/reliability.md", "| what goes wrong | what is said | exit code | the node |\n|---|---|---|---|\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, table, found := strings.Cut(string(text), head)
	if !found {
		t.Fatalf("%s has no table of troubles", page)
	}
	_, after, _ := strings.Cut("\n"+table, "\n\n")
	want := before + head
	for _, x := range slices.Concat(onNew, onOld, inCluster) {
		want += x.row() + "\n"
	}
	want += "\n" + after
	if string(text) == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s is not what the tests do; UPDATE=1 writes it anew. It should be\n%s", page, want)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (x trouble) row() string {
	return fmt.Sprintf("| %s | `%s` | %s | %s |", x.fault, strings.TrimSpace(x.sees), x.code, x.node)
}

func (b *battered) endure(x trouble, c crash, r rehearsal) {
	b.Helper()
	b.where = x.fault
	code, out := x.apply(b, c)
	if code == -1 {
		out += b.does([]int{0}, "recover")
	}
	if got := fmt.Sprint(code); got != x.code && (code != -1 || x.code != "–") || !strings.Contains(out, x.sees) {
		_, said, _ := strings.Cut(out, "\nPlan: ")
		b.Errorf("exit code %d, want %s and %q\n%s%s", code, x.code, x.sees, said, out[:min(len(out), 600)])
	}
	if x.node == mended {
		b.does([]int{0}, "recover")
	}
	if difference := b.differs(x.node, r); difference != "" {
		b.Errorf("the node is not %s:\n%s", x.node, difference)
	}
	restored := b.after != nil
	if restored {
		b.after()
		b.after = nil
	}
	b.does([]int{0}, "apply", "-f", c.spec, "--yes")
	b.does([]int{0}, "plan", "-f", c.spec, "--detailed-exitcode")
	if !restored { // what was put back then knows of an earlier apply only
		b.does([]int{0}, "status", "-f", c.spec)
	}
	if difference := b.seeObjects().differs(r.objects); difference != "" {
		b.Errorf("applied again, and the cluster is not as the file says:\n%s", difference)
	}
	b.done()
	b.prepare(c)
}

// differs says how the node differs from what is said of it.
func (b *battered) differs(node string, r rehearsal) string {
	b.Helper()
	seen := b.seeNode()
	switch node {
	case asBefore, mended:
		return seen.differs(r.old)
	case asWanted:
		return seen.differs(r.now)
	case partly:
		return seen.differs(r.now) // of the objects the next apply is seen to make all
	}
	const shared = "/etc/docker/daemon.json" // has values of both
	for name, said := range r.old {
		if _, wanted := r.now[name]; !wanted && seen[name] == said {
			delete(seen, name)
		}
	}
	seen[shared] = r.now[shared]
	difference := seen.differs(r.now)
	for name := range r.old {
		if _, err := os.Lstat(name); err != nil {
			difference += "\ndeleted: " + name
		}
	}
	return difference
}

// half is what is left of a file of which a power cut has taken the end.
func half(data []byte) []byte { return data[:len(data)/2] }

func flipped(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)/3] ^= 4
	return data
}
