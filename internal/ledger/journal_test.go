package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// TestJournal: what an apply that is cut off has begun is on disk, and can be taken back; what is recorded needs no journal.
func TestJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	do(t, l, of(change("/a", "was", "is")))
	if _, err := os.Stat(l.JournalName()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the journal of an apply that is recorded: %v", err)
	}
	next := of(change("/b", "", "new"), change("/c", "theirs", "ours"))
	next.Changes[0].MakeDirs, next.Effects = []string{"/x"}, []plan.Effect{{Name: render.RestartContainerd, Reason: "c", Repairs: true}}
	if err := begin(l, next); err != nil {
		t.Fatal(err)
	}

	l = open2(t, dir)
	j := l.Journal
	if j == nil || j.Generation != 2 || j.Confirm != nil || len(j.Effects) != 1 || !j.Effects[0].Repairs || !j.At.Equal(noon) {
		t.Fatalf("the journal is %+v", j)
	}
	cut := l.Cut()
	if len(cut.Lost) > 0 || len(cut.Changes) != 2 || cut.Before[0].Data != nil || string(cut.Before[1].Data) != "theirs" || cut.Before[1].Mode != 0o640 || cut.Before[1].UID != 7 {
		t.Fatalf("cut is %+v", cut)
	}
	for text, ours := range map[string]bool{"new": true, "other": false} {
		if cut.Ours(0, []byte(text)) != ours {
			t.Errorf("%q is ours: %v", text, !ours)
		}
	}
	if !cut.Ours(0, nil) || cut.Ours(1, nil) || !cut.Ours(1, []byte("theirs")) {
		t.Error("what was found there is not known")
	}

	// Somebody has changed one of the two: that one stays ours.
	if err := l.Revert([]string{"/c"}); err != nil {
		t.Fatal(err)
	}
	l = look(t, dir)
	o := owned(t, l)
	if l.Journal != nil || l.Generation != 1 || len(o) != 2 || string(o[id("/c")].Before.Data) != "theirs" || o[id("/c")].Coming != "" {
		t.Errorf("afterwards the ledger is %+v, %+v", l, o)
	}
	if files, err := os.ReadDir(l.undoDir()); err == nil {
		t.Errorf("contents are left: %v", files)
	}
}

// open2 opens a ledger as the run after a crash does: the lock is free.
func open2(t *testing.T, dir string) *Ledger {
	t.Helper()
	l := look(t, dir)
	if aside, err := l.Tidy(); aside != "" || err != nil {
		t.Fatalf("set aside %q, %v", aside, err)
	}
	return l
}

// TestRecorded: a journal whose apply is in the ledger is over, though nobody has removed it.
func TestRecorded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := look(t, dir)
	p := of(change("/a", "was", "is"))
	if err := begin(l, p); err != nil {
		t.Fatal(err)
	}
	journal := read(t, l.JournalName())
	if err := l.Commit(p, at(noon, "")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.JournalName(), journal, 0o600); err != nil {
		t.Fatal(err)
	}
	if l = open2(t, dir); l.Journal != nil {
		t.Error("it is to be undone")
	}
	if _, err := os.Stat(l.JournalName()); err == nil {
		t.Error("it is still there")
	}
}

// TestDamagedLedgerAndJournal: a ledger that is damaged in the middle of an apply comes back by the journal.
func TestDamagedLedgerAndJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := look(t, dir)
	do(t, l, of(change("/a", "was", "is")))
	if err := begin(l, of(change("/b", "", "new"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.file(), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	l = open2(t, dir)
	if l.SetAside == "" || l.Journal == nil {
		t.Fatalf("the ledger is %+v", l)
	}
	if err := l.Revert(nil); err != nil {
		t.Fatal(err)
	}
	l = look(t, dir)
	if o := owned(t, l); l.SetAside != "" || l.Generation != 1 || len(o) != 1 || string(o[id("/a")].Before.Data) != "was" {
		t.Errorf("afterwards the ledger is %+v, %+v", l, o)
	}
}

// TestAwait: an apply that waits is recorded, and all that it takes to go back stays until it is confirmed.
func TestAwait(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := look(t, dir)
	do(t, l, of(change("/a", "was", "is")))
	p := of(leave("/a"))
	p.Changes[0].Before = []byte("is")
	now := Moment{Wall: noon, Boot: "one", Up: time.Hour}
	if err := errors.Join(begin(l, p), l.Await(Deadline{Set: now, For: time.Minute})); err != nil {
		t.Fatal(err)
	}
	if look(t, dir).Journal.Confirm != nil {
		t.Error("it waits before it is recorded")
	}
	if err := l.Commit(p, at(noon, "")); err != nil {
		t.Fatal(err)
	}
	l = open2(t, dir)
	if l.Generation != 2 || len(owned(t, l)) != 0 || l.Journal == nil || l.Journal.Confirm == nil || backups(t, dir) != 1 {
		t.Fatalf("it waits: %+v", l)
	}
	if err := l.Revert(nil); err != nil {
		t.Fatal(err)
	}
	l = look(t, dir)
	if o := owned(t, l); l.Generation != 1 || string(o[id("/a")].Before.Data) != "was" {
		t.Errorf("taken back: %+v", o)
	}

	if err := errors.Join(begin(l, p), l.Await(Deadline{Set: now, For: time.Minute}), l.Commit(p, at(noon, ""))); err != nil {
		t.Fatal(err)
	}
	if err := l.Confirm(); err != nil {
		t.Fatal(err)
	}
	if l = look(t, dir); l.Journal != nil || l.Generation != 2 || backups(t, dir) != 0 {
		t.Errorf("confirmed: %+v, %d backups", l, backups(t, dir))
	}
}

func TestLeft(t *testing.T) {
	d := Deadline{Set: Moment{Wall: noon, Boot: "one", Up: time.Hour}, For: time.Minute}
	for _, test := range []struct {
		name string
		now  Moment
		left time.Duration
	}{
		{"at once", d.Set, time.Minute},
		{"later", Moment{noon.Add(10 * time.Second), "one", time.Hour + 10*time.Second}, 50 * time.Second},
		{"the clock was set back", Moment{noon.AddDate(-1, 0, 0), "one", time.Hour + 10*time.Second}, 50 * time.Second},
		{"the clock was set on", Moment{noon.AddDate(1, 0, 0), "one", time.Hour + 10*time.Second}, 50 * time.Second},
		{"over", Moment{noon, "one", time.Hour + time.Minute}, 0},
		{"after a reboot", Moment{noon.Add(20 * time.Second), "two", time.Second}, 40 * time.Second},
		{"long after a reboot", Moment{noon.Add(time.Hour), "two", time.Second}, time.Minute - time.Hour},
		{"after a reboot into 1970", Moment{time.Unix(5, 0), "two", time.Second}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := d.Left(test.now); got != test.left {
				t.Errorf("left is %s, want %s", got, test.left)
			}
		})
	}
}

func TestNow(t *testing.T) {
	one, err := Now()
	two, again := Now()
	if err != nil || again != nil || one.Boot == "" || one.Boot != two.Boot || one.Up <= 0 || two.Up < one.Up {
		t.Errorf("now is %+v, then %+v (%v, %v)", one, two, err, again)
	}
}

func TestTorn(t *testing.T) {
	before, after := []byte("127.0.0.1 localhost\n"), []byte("127.0.0.1 localhost\n# BEGIN regsync\n10.0.0.4 a\n# END regsync\n")
	longer := []byte("10.0.0.9 b\n127.0.0.1 localhost\n")
	for _, test := range []struct {
		name  string
		live  []byte
		parts [][]byte
		torn  bool
	}{
		{"cut off while it grew", after[:30], [][]byte{before, after}, true},
		{"begun to be overwritten", append([]byte("10.0.0.9 "), before[9:]...), [][]byte{before, longer}, true},
		{"grown, and not yet written", append(slices.Clone(before), make([]byte, 10)...), [][]byte{before, after}, true},
		{"somebody's line", append(slices.Clone(before), "10.0.0.8 mine\n"...), [][]byte{before, after}, false},
		{"shorter than either", before[:5], [][]byte{before, after}, false},
		{"longer than either", append(slices.Clone(after), '\n'), [][]byte{before, after}, false},
		{"nothing to compare with", before, [][]byte{before}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := torn(test.live, test.parts); got != test.torn {
				t.Errorf("torn is %v", got)
			}
		})
	}
}

// FuzzJournal reads anything as a journal. It is never fatal, and what cannot be trusted is set aside.
func FuzzJournal(f *testing.F) {
	whole := encode(&Journal{FormatVersion: formatVersion, Generation: 2, Files: []JournalFile{{Name: "/a", Before: "x", After: "y", Shared: true}}, Ledger: &document{}})
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"formatVersion":"1","generation":1,"confirm":{"for":-1},"files":[{}]}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, []byte(string(data) + "\nsha256:" + checksum(data) + "\n")} {
			l := &Ledger{dir: t.TempDir(), key: []byte("key"), owned: map[render.ID]entry{}, madeDir: map[string]bool{}}
			if err := os.WriteFile(l.JournalName(), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := l.readJournal(); err != nil {
				t.Fatal(err)
			}
			if l.Journal != nil {
				cut := l.Cut()
				if len(cut.Changes)+len(cut.Lost) != len(l.Journal.Files) {
					t.Errorf("of %d files %d can be put back and %d are lost", len(l.Journal.Files), len(cut.Changes), len(cut.Lost))
				}
				for i := range cut.Changes {
					cut.Ours(i, data)
				}
			}
			aside, err := l.Tidy()
			if err != nil || (aside != "") != (l.JournalDamage != "") {
				t.Errorf("damage %q, set aside as %q, %v", l.JournalDamage, aside, err)
			}
		}
	})
}
