package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

func id(name string) render.ID { return render.ID{Kind: render.KindFile, Name: name} }

// change makes a whole file ours.
func change(name, before, after string) plan.Change {
	c := plan.Change{ID: id(name), Action: plan.Create, After: []byte(after), Entry: &plan.Owned{Mode: 0o644}}
	if before != "" {
		c.Action, c.Before = plan.Adopt, []byte(before)
		c.Entry.Before = plan.Original{Data: []byte(before), Mode: 0o640, UID: 7, GID: 8}
	}
	return c
}

// leave makes it nobody's.
func leave(name string) plan.Change { return plan.Change{ID: id(name), Action: plan.Delete} }

func of(changes ...plan.Change) plan.Plan { return plan.Plan{Changes: changes} }

// at is an apply of a spec, at a time.
func at(when time.Time, spec string) plan.Generation {
	return plan.Generation{At: when, Result: plan.All, Source: plan.Source{SpecDigest: spec}}
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 5, time.UTC)

// open opens a ledger as a run that changes the node does.
func open(t *testing.T, dir string) *Ledger {
	t.Helper()
	lock, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Release() })
	l, err := Open(dir, lock)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// look opens a ledger as a run that only looks does.
func look(t *testing.T, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func owned(t *testing.T, l *Ledger) map[render.ID]plan.Owned {
	t.Helper()
	o, err := l.Owned()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// begin begins an apply of files that are as the plan has them.
func begin(l *Ledger, p plan.Plan) error {
	files, _ := p.Split()
	var before []plan.Live
	for _, c := range files {
		before = append(before, plan.Live{Data: c.Before, Mode: 0o640, UID: 7, GID: 8})
	}
	return l.Begin(p, before, Intent{At: noon, Services: l.Services})
}

func do(t *testing.T, l *Ledger, p plan.Plan) {
	t.Helper()
	if err := begin(l, p); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(p, at(noon, "spec")); err != nil {
		t.Fatal(err)
	}
}

func backups(t *testing.T, dir string) int {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "backups"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestLife(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "state")
	l := open(t, dir)
	if !l.Unused() || len(owned(t, l)) != 0 {
		t.Error("a new ledger is not empty")
	}
	l.Services = Services{Runtime: render.MicroK8s, Socket: "/s", DaemonJSON: "/d"}
	block := plan.Change{ID: id("/etc/hosts"), Action: plan.Update, After: []byte("1\n2\n"), Entry: &plan.Owned{
		Scope: render.Block, Body: []byte("2\n"), Effect: render.ReloadDocker, Mode: 0o644, Sensitive: true,
		Before: plan.Original{Data: []byte{}, Mode: 0o600},
	}}
	p := of(change("/etc/x/new", "", "n"), change("/etc/x/old", "was", "is"), block)
	p.Changes[0].MakeDirs = []string{"/etc/x"}
	if err := begin(l, p); err != nil {
		t.Fatal(err)
	}

	// A crash here leaves a ledger that owns it all, written or not.
	o := owned(t, look(t, dir))
	for _, c := range p.Changes {
		got := o[c.ID]
		if !got.Left(l.Digest(c.After)) || got.Applied != "" {
			t.Errorf("begun: %s is %+v", c.Name, got)
		}
	}

	if err := l.Commit(p, at(noon, "spec")); err != nil {
		t.Fatal(err)
	}
	l = look(t, dir)
	if l.Generation != 1 || !l.AppliedAt.Equal(noon.Truncate(time.Second)) || l.SpecDigest != "spec" || l.Services.Socket != "/s" || l.Unused() {
		t.Errorf("read again: %+v", l)
	}
	want := map[render.ID]plan.Owned{}
	for _, c := range p.Changes {
		e := *c.Entry
		e.Applied = l.Digest(c.After)
		want[c.ID] = e
	}
	if d := cmp.Diff(want, owned(t, l)); d != "" {
		t.Errorf("what is ours (-want +got):\n%s", d)
	}
	if got := l.MadeDirs(); !slices.Equal(got, []string{"/etc/x"}) || !l.Made("/etc/x") {
		t.Errorf("made directories %q", got)
	}

	// What is nobody's any more takes its backup and its directory with it.
	l = look(t, dir)
	do(t, l, of(leave("/etc/x/old")))
	if backups(t, dir) != 1 || len(l.MadeDirs()) != 1 {
		t.Errorf("%d backups, directories %q; want one each", backups(t, dir), l.MadeDirs())
	}
	do(t, l, of(leave("/etc/x/new"), leave("/etc/hosts")))
	if backups(t, dir) != 0 || len(l.MadeDirs()) != 0 || l.Generation != 3 {
		t.Errorf("%d backups, directories %q, generation %d", backups(t, dir), l.MadeDirs(), l.Generation)
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	do(t, l, of(change("/a", "was", "is")))
	for path, want := range map[string]fs.FileMode{
		"": fs.ModeDir | madeBit | 0o700, "backups": fs.ModeDir | madeBit | 0o700, "key": 0o600, "ledger": 0o600, "lock": 0o600,
		filepath.Join("backups", l.Digest([]byte("was"))): 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode() != want {
			t.Errorf("%q: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestAbort(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	if err := l.Abort(); err != nil {
		t.Errorf("before Begin: %v", err)
	}
	if err := begin(l, of(change("/a", "was", "is"))); err != nil {
		t.Fatal(err)
	}
	if err := l.Abort(); err != nil {
		t.Fatal(err)
	}
	if !l.Unused() || len(owned(t, l)) != 0 {
		t.Error("the first apply was taken back, and something is ours")
	}
	if _, err := os.Stat(filepath.Join(dir, "ledger")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the first apply was taken back, and left a ledger: %v", err)
	}

	do(t, l, of(change("/a", "was", "is")))
	before := read(t, filepath.Join(dir, "ledger"))
	l = look(t, dir)
	if err := begin(l, of(change("/a", "other", "new"), change("/b", "x", "y"))); err != nil {
		t.Fatal(err)
	}
	if err := l.Abort(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "ledger")); !bytes.Equal(got, before) {
		t.Errorf("the ledger is\n%s\nwas\n%s", got, before)
	}
	if n := backups(t, dir); n != 1 {
		t.Errorf("%d backups, want the one of before", n)
	}
	if got := string(owned(t, l)[id("/a")].Before.Data); got != "was" {
		t.Errorf("what stood there before is %q", got)
	}
}

// TestAbortAfterCommit: an apply can fail while its last word is written, and then it is undone too.
func TestAbortAfterCommit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	do(t, l, of(change("/a", "was", "is")))
	before := read(t, filepath.Join(dir, "ledger"))
	l = look(t, dir)
	p := of(leave("/a"))
	if err := begin(l, p); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(l.file()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(l.file(), "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(p, at(noon.Add(time.Hour), "new spec")); err == nil {
		t.Fatal("a ledger that cannot be written is no error")
	}
	if err := os.RemoveAll(l.file()); err != nil {
		t.Fatal(err)
	}
	if err := l.Abort(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, l.file()); !bytes.Equal(got, before) {
		t.Errorf("the ledger is\n%s\nwas\n%s", got, before)
	}
	if got := string(owned(t, l)[id("/a")].Before.Data); got != "was" {
		t.Errorf("what stood there before is %q", got)
	}
}

// TestRemove: the directories that were made for the state directory go, the ones that were there stay.
func TestRemove(t *testing.T) {
	top := t.TempDir()
	there := filepath.Join(top, "there")
	if err := os.Mkdir(there, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(there, "made", "state")
	do(t, open(t, dir), of(change("/a", "was", "is")))
	l := look(t, dir) // the next run did not make them
	do(t, l, of(leave("/a")))
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, top); !slices.Equal(files, []string{".", "there"}) {
		t.Errorf("left over: %q", files)
	}

	// A directory that somebody else uses too stays, and so does what is in it.
	do(t, open(t, dir), of(change("/a", "was", "is")))
	if err := os.WriteFile(filepath.Join(there, "made", "theirs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := look(t, dir).Remove(); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, top); !slices.Equal(files, []string{".", "there", "there/made", "there/made/theirs"}) {
		t.Errorf("left over: %q", files)
	}
}

// TestStateDirWasThere: an empty directory that a package made stays when everything is forgotten.
func TestStateDirWasThere(t *testing.T) {
	dir := t.TempDir()
	do(t, open(t, dir), of(change("/a", "", "is")))
	if err := look(t, dir).Remove(); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, dir); !slices.Equal(files, []string{"."}) {
		t.Errorf("left over: %q", files)
	}
}

// TestMoved: a node's file system is mounted here today and there tomorrow.
func TestMoved(t *testing.T) {
	top := t.TempDir()
	do(t, open(t, filepath.Join(top, "here", "var", "state")), of(change("/a", "", "is")))
	if err := os.Rename(filepath.Join(top, "here"), filepath.Join(top, "there")); err != nil {
		t.Fatal(err)
	}
	if err := look(t, filepath.Join(top, "there", "var", "state")).Remove(); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, top); !slices.Equal(files, []string{"."}) {
		t.Errorf("left over: %q", files)
	}
}

func TestLock(t *testing.T) {
	if dir := os.Getenv("LEDGER_TEST_LOCK"); dir != "" {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := Acquire(ctx, dir)
		fmt.Println("ERROR", err)
		return
	}
	dir := filepath.Join(t.TempDir(), "state")
	lock, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	other := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLock$", "-test.v")
		cmd.Env = append(os.Environ(), "LEDGER_TEST_LOCK="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, rest, _ := strings.Cut(string(out), "ERROR ")
		rest, _, _ = strings.Cut(rest, "\n")
		return rest
	}
	if got, holder := other(), fmt.Sprintf("pid %d: ", os.Getpid()); !strings.Contains(got, "another regsync is at work") || !strings.Contains(got, holder) {
		t.Errorf("while it is held: %q, want the holder %q", got, holder)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if got := other(); got != "<nil>" {
		t.Errorf("when it is free: %q", got)
	}
}

// TestLockIsWaitedFor: whoever waits gets the lock when it is free, also if the directory went with the last run.
func TestLockIsWaitedFor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(dir, first)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		second, err := Acquire(t.Context(), dir)
		if err == nil {
			err = second.Release()
		}
		got <- err
	}()
	if err := errors.Join(l.Remove(), first.Release()); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestAcquireFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(t.Context(), filepath.Join(file, "state")); err == nil || !strings.Contains(err.Error(), "making the state directory") {
		t.Errorf("error %v", err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var sameLedger = cmpopts.EquateEmpty()

// TestFormer: what a list of names had of ours stays ours until an apply that takes some of it out has said that it has.
func TestFormer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "regsync")
	list := func(before, after string) plan.Change {
		theirs := plan.Original{Data: []byte("theirs\n")}
		return plan.Change{
			ID: render.ID{Kind: render.KindServiceAccount, Name: "a/b"}, Action: plan.Update, Before: []byte("theirs\n" + before), After: []byte("theirs\n" + after),
			Entry: &plan.Owned{Scope: render.Names, Body: []byte(after), Before: theirs},
		}
	}
	ours := func(l *Ledger) string {
		o := owned(t, l)[render.ID{Kind: render.KindServiceAccount, Name: "a/b"}]
		return string(o.Body)
	}
	l := open(t, dir)
	first, second := of(list("", "old\n")), of(list("old\n", "new\n"))
	if err := errors.Join(begin(l, first), l.Commit(of(), at(noon, "")), l.Settle(first.Changes, nil)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(begin(l, second), l.Commit(of(), at(noon, ""))); err != nil {
		t.Fatal(err)
	}
	if got := ours(look(t, dir)); got != "old\nnew\n" {
		t.Errorf("while it is changed, %q is ours", got)
	}
	if err := l.Settle(nil, nil); err != nil { // nobody knows
		t.Fatal(err)
	}
	if got := ours(look(t, dir)); got != "old\nnew\n" {
		t.Errorf("where it is not known what became of it, %q is ours", got)
	}
	if err := l.Settle(second.Changes, nil); err != nil {
		t.Fatal(err)
	}
	if got := ours(look(t, dir)); got != "new\n" {
		t.Errorf("when it is changed, %q is ours", got)
	}
}
