package loader

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSweep: what a run that was killed has left goes, and what is in use, or is no directory of ours, stays.
func TestSweep(t *testing.T) {
	place, elsewhere := t.TempDir(), t.TempDir()
	used, done, err := scratchIn(place)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(place, scratchName+"left")
	link := filepath.Join(place, scratchName+"link")
	for _, dir := range []string{left, elsewhere} {
		if err := os.MkdirAll(filepath.Join(dir, "a.example"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.example", "client.key"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	sweep(place)
	if got, _ := filepath.Glob(place + "/*"); !slices.Equal(got, slices.Sorted(slices.Values([]string{used, link}))) {
		t.Errorf("left are %q", got)
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "a.example", "client.key")); err != nil {
		t.Error(err)
	}
	done()
	if _, err := os.Lstat(used); err == nil {
		t.Error("it is still there when it is done")
	}
}

// TestInMemory: files for the loaders lie in memory where there is such a place, and nothing of them stays.
func TestInMemory(t *testing.T) {
	dir, done, err := scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if got := filepath.Dir(dir); !slices.Contains(places(), got) || os.Geteuid() == 0 && got != places()[0] {
		t.Errorf("it is in %q, not in the first of %q", got, places())
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}
