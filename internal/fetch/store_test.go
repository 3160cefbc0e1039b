package fetch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestKnownRemoveSweep(t *testing.T) {
	dir := t.TempDir()
	a, b, c := digest([]byte("a")), digest([]byte("b")), digest([]byte("c"))
	for _, name := range []string{a, b, b + partly, b + origin, c + partly, "note", "abc" + partly} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if path, ok := Known(dir, a); !ok || path != filepath.Join(dir, a) {
		t.Error("a is not known")
	}
	if _, ok := Known(dir, c); ok {
		t.Error("a part is taken for the whole")
	}
	if err := Sweep(dir, map[string]bool{a: true, c: true}); err != nil {
		t.Fatal(err)
	}
	left := []string{a, c + partly, "note", "abc" + partly}
	slices.Sort(left)
	if got := names(t, dir); !slices.Equal(got, left) {
		t.Errorf("%q are left, not %q", got, left)
	}
	for range 2 {
		for _, d := range []string{a, c} {
			if err := Remove(dir, d); err != nil {
				t.Error(err)
			}
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"abc" + partly, "note"}) {
		t.Errorf("%q are left", got)
	}
	if err := Sweep(filepath.Join(dir, "none"), nil); err != nil {
		t.Error(err)
	}
}
