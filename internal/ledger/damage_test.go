package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDamage flips every byte of a ledger, cuts it at every place, and looks that it is never trusted again.
func TestDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	do(t, open(t, dir), of(change("/a", "was", "is"), change("/b", "", "x")))
	whole := read(t, filepath.Join(dir, "ledger"))
	try := func(what string, at int, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "ledger"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		l := look(t, dir)
		if l.SetAside == "" || len(owned(t, l)) != 0 || l.Unused() || l.Generation != 0 || len(l.MadeDirs()) != 0 {
			t.Fatalf("%s at %d is trusted: %+v", what, at, l)
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
	try("twice", 0, append(bytes.Clone(whole), whole...))
	try("a newer format", 0, encode(document{FormatVersion: "2"}))
}

// TestSetAside: the damaged ledger is kept, and so are the backups that it named. If the apply fails, it is back in its place.
func TestSetAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	do(t, open(t, dir), of(change("/a", "was", "is")))
	file := filepath.Join(dir, "ledger")
	damaged := append(read(t, file), 'x')
	if err := os.WriteFile(file, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	l := look(t, dir)
	if err := begin(l, of(change("/c", "", "c"))); err != nil {
		t.Fatal(err)
	}
	if err := l.Abort(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, file), damaged) {
		t.Error("the damaged ledger is not back in its place")
	}
	l = look(t, dir)
	do(t, l, of(change("/c", "", "c")))
	if !bytes.Equal(read(t, l.SetAside), damaged) {
		t.Error("the damaged ledger was not kept")
	}
	l = look(t, dir)
	if l.SetAside != "" || len(owned(t, l)) != 1 {
		t.Errorf("the new ledger is %+v", l)
	}
	do(t, l, of(leave("/c")))
	if backups(t, dir) != 1 {
		t.Error("the backup of what the damaged ledger owned is gone")
	}
	if l.Unused() {
		t.Error("a damaged ledger beside it counts as nothing")
	}
}

func TestNoKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	do(t, open(t, dir), of(change("/a", "was", "is")))
	if err := os.Remove(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	l := look(t, dir)
	if l.SetAside == "" || len(owned(t, l)) != 0 {
		t.Errorf("a ledger without its key is trusted: %+v", l)
	}
	do(t, l, of(change("/b", "", "x")))
	if l = look(t, dir); l.SetAside != "" || len(owned(t, l)) != 1 {
		t.Errorf("with a new key: %+v", l)
	}
}

func TestDamagedBackup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	do(t, l, of(change("/a", "was", "is")))
	file := l.backupFile(l.Digest([]byte("was")))
	if err := os.WriteFile(file, []byte("WAS"), 0o600); err != nil {
		t.Fatal(err)
	}
	lost := func(why string) {
		t.Helper()
		if before := owned(t, look(t, dir))[id("/a")].Before; before.Data != nil || !strings.Contains(before.Lost, why) {
			t.Errorf("what stood there is %q, lost %q; want %q", before.Data, before.Lost, why)
		}
	}
	lost("it was changed since it was made")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	lost("is gone")

	// The next apply does not forget that something stood there, and when it is found again it is known again.
	l = look(t, dir)
	again := change("/a", "", "is more")
	again.Entry.Before = owned(t, l)[id("/a")].Before
	do(t, l, of(again))
	lost("is gone")
	if err := replace(filepath.Join(dir, "generations", "blobs", filepath.Base(file)), []byte("was")); err != nil {
		t.Fatal(err)
	}
	l = look(t, dir)
	if before := owned(t, l)[id("/a")].Before; string(before.Data) != "was" || before.Lost != "" {
		t.Errorf("found again is %q, lost %q", before.Data, before.Lost)
	}
	do(t, l, of())
	if data, err := os.ReadFile(file); err != nil || string(data) != "was" {
		t.Errorf("kept again is %q, %v", data, err)
	}
}

// FuzzDecode reads anything as a ledger. What passes is what was written.
func FuzzDecode(f *testing.F) {
	f.Add(encode(document{FormatVersion: formatVersion}))
	f.Add(encode(document{FormatVersion: formatVersion, Generation: 3, Entries: []entry{{Kind: "file", Name: "/a", Before: &original{Digest: "x"}}}}))
	f.Add([]byte("{}\nsha256:" + checksum([]byte("{}")) + "\n"))
	f.Add([]byte("\nsha256:\n"))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := decode(data)
		if err != nil {
			// The fuzzer will not find a checksum; the reading behind it must stand everything too.
			doc, err = decode([]byte(string(data) + "\nsha256:" + checksum(data) + "\n"))
		}
		if err != nil {
			return
		}
		again, err := decode(encode(doc))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if d := cmp.Diff(doc, again, sameLedger); d != "" {
			t.Errorf("read twice (-first +second):\n%s", d)
		}
	})
}
