package fetch

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fetch fetches the site's archive into dir.
func (s *site) fetch(t *testing.T, c *Client, dir string) (string, error) {
	t.Helper()
	return c.Archive(t.Context(), s.URL+"/a/base.tar?sig=hush", s.digest(), dir, nil)
}

// whole makes sure that dir holds the archive, and nothing else.
func whole(t *testing.T, s *site, dir, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, s.content) {
		t.Errorf("%d bytes, and not those of the site", len(got))
	}
	if names := names(t, dir); !slices.Equal(names, []string{s.digest()}) {
		t.Errorf("there are %q", names)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// complains makes sure that err is a problem that says all of this, and nothing secret.
func complains(t *testing.T, err error, says ...string) {
	t.Helper()
	var p *Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no problem", err)
	}
	for _, s := range says {
		if !strings.Contains(p.Error()+"\n"+p.Hint, s) {
			t.Errorf("%q (hint %q) does not say %q", p, p.Hint, s)
		}
	}
	if strings.Contains(err.Error()+p.Hint, "hush") {
		t.Errorf("%q shows a secret", err)
	}
}

func TestArchive(t *testing.T) {
	s := newSite(t, 1<<20+5)
	dir := filepath.Join(t.TempDir(), "archives")
	var last, total int64
	c := Client{Version: "1.2.3"}
	path, err := c.Archive(t.Context(), s.URL+"/base.tar", s.digest(), dir, func(d, n int64) {
		if d < last {
			t.Errorf("%d bytes after %d", d, last)
		}
		last, total = d, n
	})
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
	if last != 1<<20+5 || total != last {
		t.Errorf("told of %d of %d bytes", last, total)
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, dir: 0o700 | fs.ModeDir} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if h := s.requests()[0]; h.Get("User-Agent") != "regsync/1.2.3" || h.Get("Range") != "" || h.Get("Accept-Encoding") == "gzip" {
		t.Errorf("asked with %v", h)
	}

	again, err := s.fetch(t, &c, dir)
	if err != nil || again != path || len(s.requests()) != 1 {
		t.Errorf("the second time: %q, %v, after %d requests", again, err, len(s.requests()))
	}
}

func TestNoLength(t *testing.T) {
	s := newSite(t, 1000)
	s.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		must(http.NewResponseController(w).Flush())
		_, _ = w.Write(s.content)
		return true
	}
	dir, total := t.TempDir(), int64(0)
	path, err := new(Client).Archive(t.Context(), s.URL, s.digest(), dir, func(_, n int64) { total = n })
	if err != nil || total != -1 {
		t.Fatal(total, err)
	}
	whole(t, s, dir, path)
}

func TestWrongDigest(t *testing.T) {
	s := newSite(t, 1000)
	dir, want := t.TempDir(), digest(nil)
	_, err := new(Client).Archive(t.Context(), s.URL+"/base.tar?sig=hush", want, dir, nil)
	complains(t, err, s.URL+"/base.tar has sha256 "+s.digest()+", not "+want)
	if names := names(t, dir); names != nil {
		t.Errorf("%q stay", names)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestEmptyArchive(t *testing.T) {
	s := newSite(t, 0)
	dir := t.TempDir()
	path, err := s.fetch(t, new(Client), dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
}

func TestNoSpace(t *testing.T) {
	s := newSite(t, 2_000_001)
	dir := t.TempDir()
	c := Client{free: func(*os.Root) (int64, error) { return 1_999_999, nil }}
	_, err := s.fetch(t, &c, dir)
	complains(t, err, s.URL+"/a/base.tar", "3 MB are to come", strconv.Quote(dir)+" has only 1 MB free", "make room")
	if names := names(t, dir); names != nil {
		t.Errorf("%q stay", names)
	}
	c.free = func(*os.Root) (int64, error) { return 2_000_001, nil }
	if _, err := s.fetch(t, &c, dir); err != nil {
		t.Error(err)
	}
}

func TestLimit(t *testing.T) {
	s := newSite(t, 1<<20)
	dir, seen := t.TempDir(), int64(0)
	c := Client{Limit: func(r io.Reader) io.Reader { return io.TeeReader(r, counter{&seen}) }}
	path, err := s.fetch(t, &c, dir)
	if err != nil || seen != 1<<20 {
		t.Fatal(seen, err)
	}
	whole(t, s, dir, path)
}

type counter struct{ n *int64 }

func (c counter) Write(b []byte) (int, error) {
	*c.n += int64(len(b))
	return len(b), nil
}

// TestAtOnce: of two that fetch the same archive, one does.
func TestAtOnce(t *testing.T) {
	s := newSite(t, 1000)
	dir := t.TempDir()
	var second error
	path, err := new(Client).Archive(t.Context(), s.URL, s.digest(), dir, func(int64, int64) {
		_, second = s.fetch(t, new(Client), dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
	complains(t, second, "another process fetches")
}
