package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// begun leaves a state directory as an apply that is cut off leaves it: two files of an earlier apply are changed, one is made.
func begun(t testing.TB, dir string) *Ledger {
	t.Helper()
	lock, err := Acquire(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(dir, lock)
	if err == nil {
		err = begin(l, of(change("/a", "was", "is"), change("/b", "", "x")))
	}
	if err == nil {
		err = l.Commit(of(change("/a", "was", "is"), change("/b", "", "x")), at(noon, "spec"))
	}
	if err == nil {
		err = begin(l, of(change("/a", "is", "will be"), leave("/b"), change("/c", "", "new")))
	}
	if err == nil {
		err = lock.Release()
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestJournalDamage flips every byte of a journal, cuts it at every place, and looks that it is never trusted again, and never fatal.
func TestJournalDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	name := begun(t, dir).JournalName()
	whole := read(t, name)
	if l := look(t, dir); l.Journal == nil || len(l.Journal.Files) != 3 {
		t.Fatalf("there is no journal to be damaged: %+v", l.Journal)
	}
	try := func(what string, at int, data []byte) {
		t.Helper()
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if l := look(t, dir); l.Journal != nil || l.JournalDamage == "" {
			t.Fatalf("%s at %d is trusted: %+v", what, at, l.Journal)
		}
	}
	for i := range whole {
		for _, mask := range []byte{0x01, 0x20, 0x80} {
			data := bytes.Clone(whole)
			data[i] ^= mask
			try("a flip", i, data)
		}
		if i < len(whole)-1 { // the last byte is the line's end
			try("a cut", i, whole[:i])
		}
	}
	try("more", 0, append(bytes.Clone(whole), "{}"...))
	try("another format", 0, encode(Journal{FormatVersion: "2"}))

	// It is kept, and what the ledger owns is still known.
	l := look(t, dir)
	aside, err := l.Tidy()
	if err != nil || !bytes.Equal(read(t, aside), encode(Journal{FormatVersion: "2"})) {
		t.Errorf("set aside as %q, %v", aside, err)
	}
	if l := look(t, dir); l.JournalDamage != "" || len(owned(t, l)) != 3 {
		t.Errorf("afterwards the ledger has %d, and the damage is %q", len(owned(t, l)), l.JournalDamage)
	}
}

// TestUndoDamage: what was kept of a file and is not as it was kept is not put back.
func TestUndoDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := begun(t, dir)
	for _, place := range []string{"undo", "backups", "generations/blobs"} {
		file := filepath.Join(dir, place, l.Digest([]byte("is")))
		if _, err := os.Stat(file); err != nil {
			continue
		}
		if err := os.WriteFile(file, []byte("si"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cut := look(t, dir).Cut()
	if !cmp.Equal(cut.Lost, []string{"/a"}) || len(cut.Changes) != 2 {
		t.Errorf("lost are %q, and %d files are put back", cut.Lost, len(cut.Changes))
	}
}

// FuzzOpenJournal reads anything as a journal, with a checksum that holds. What it says is put back is what was kept, and nothing else.
func FuzzOpenJournal(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "state")
	l := begun(f, dir)
	data, err := os.ReadFile(l.JournalName())
	if err != nil {
		f.Fatal(err)
	}
	body, err := checked(data)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"formatVersion":"1","generation":9,"files":[{"name":"/a","before":"../../key"},{"name":"","after":"x","shared":true}],"ledger":null}`))
	f.Add([]byte(`{"formatVersion":"1","generation":-1,"files":null,"ledger":{"entries":[{"kind":"image"}]},"confirm":{}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := os.WriteFile(l.JournalName(), []byte(string(body)+"\nsha256:"+checksum(body)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if l.Journal == nil {
			return
		}
		cut := l.Cut()
		if len(cut.Changes) != len(cut.Before) || len(cut.Changes)+len(cut.Lost) != len(l.Journal.Files) {
			t.Fatalf("%d changes, %d before, %d lost, of %d files", len(cut.Changes), len(cut.Before), len(cut.Lost), len(l.Journal.Files))
		}
		for i, c := range cut.Changes {
			switch string(c.Before) {
			case "", "was", "is", "x":
			default:
				t.Errorf("%q is put back into %q", c.Before, c.Name)
			}
			cut.Ours(i, nil)
			cut.Ours(i, []byte("is"))
		}
	})
}

// FuzzUnseal reads anything as a saved plan. What passes says what was sealed.
func FuzzUnseal(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "state")
	l, err := Open(dir, nil)
	if err != nil {
		f.Fatal(err)
	}
	data, err := l.Seal(savedPlan())
	if err != nil {
		f.Fatal(err)
	}
	want, err := l.Unseal(data)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.Replace(data, []byte(`"/a"`), []byte(`"/z"`), 1))
	f.Add([]byte(`{"formatVersion":"1","kind":"regsync plan","seal":"","saved":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := l.Unseal(data)
		if err != nil {
			return
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(plan.Change{}, render.Resource{})); d != "" {
			t.Errorf("something else was sealed (-it +this):\n%s", d)
		}
	})
}
