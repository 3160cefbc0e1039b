package archive_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/internal/archive"
)

// What took long is remembered, for this very file, and forgotten when nobody asks any more.
func TestCache(t *testing.T) {
	plain := pack(t, saved(t, tagged{image(t, 1, "linux/amd64", 2), []string{"a:1"}})...)
	other := pack(t, saved(t, tagged{image(t, 2, "linux/amd64", 2), []string{"a:1"}})...)
	var hashed []entry
	for _, e := range saved(t, tagged{image(t, 1, "linux/amd64", 1), []string{"a:1"}}) {
		if filepath.Base(e.name) == "layer.tar" {
			e.body = gzipped(t, e.body)
		}
		hashed = append(hashed, e)
	}
	for name, tt := range map[string]struct {
		data    []byte
		entries int
	}{
		"plain":  {plain, 0},
		"gzip":   {gzipped(t, plain), 1},
		"hashed": {pack(t, hashed...), 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := filepath.Join(t.TempDir(), "cache"), filepath.Join(t.TempDir(), "a.tar")
			index := func(c *archive.Cache) archive.Index {
				t.Helper()
				f, err := os.Open(file)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				i, err := c.Index(context.Background(), f)
				if err != nil {
					t.Fatal(err)
				}
				return i
			}
			remembered := func() []string {
				names, err := filepath.Glob(filepath.Join(dir, "*.json"))
				if err != nil {
					t.Fatal(err)
				}
				return names
			}
			if err := os.WriteFile(file, tt.data, 0o644); err != nil {
				t.Fatal(err)
			}
			want := mustRead(t, tt.data)
			for range 2 {
				if diff := cmp.Diff(want, index(&archive.Cache{Dir: dir})); diff != "" {
					t.Error(diff)
				}
			}
			if n := len(remembered()); n != tt.entries {
				t.Fatalf("%d indexes are remembered, want %d", n, tt.entries)
			}
			for _, name := range remembered() {
				// That it is what was remembered that counts, and that what is no JSON does not.
				if err := os.WriteFile(name, []byte(`{"index":{"form":"remembered"}}`), 0o600); err != nil {
					t.Fatal(err)
				}
				if got := index(&archive.Cache{Dir: dir}); got.Form != "remembered" {
					t.Errorf("read again: %s", got.Form)
				}
				if err := os.WriteFile(name, []byte(`{"index":{"fo`), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, index(&archive.Cache{Dir: dir})); diff != "" {
				t.Error(diff)
			}

			// Another file of the same name, even of the same time, is another file.
			if err := os.WriteFile(file+".new", other, 0o644); err != nil {
				t.Fatal(err)
			}
			old, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file+".new", time.Time{}, old.ModTime()); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(file+".new", file); err != nil {
				t.Fatal(err)
			}
			c := &archive.Cache{Dir: dir}
			if diff := cmp.Diff(mustRead(t, other), index(c)); diff != "" {
				t.Error(diff)
			}
			if err := c.Sweep(); err != nil || len(remembered()) != 0 {
				t.Errorf("after sweeping %q: %v", remembered(), err)
			}
			// Without a directory it is read each time.
			if diff := cmp.Diff(mustRead(t, other), index(&archive.Cache{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCacheSHA256(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(file, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &archive.Cache{Dir: t.TempDir()}
	for range 2 {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if sum, err := c.SHA256(context.Background(), f); err != nil || sum != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
			t.Errorf("%s, %v", sum, err)
		}
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := c.Index(context.Background(), dir); err == nil {
		t.Error("the index of a directory")
	}
}
