package fetch

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestResume: what was there when the connection broke is not asked for again, neither in the same run nor in the next.
func TestResume(t *testing.T) {
	for name, prepare := range map[string]func(*site){
		"etag": func(*site) {},
		"date": func(s *site) { s.etag, s.modified = `W/"weak"`, time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 3<<20)
			prepare(s)
			s.cuts = []int{1 << 20, 1 << 19}
			dir := t.TempDir()
			var waits []time.Duration
			first := patient(&waits)
			first.Tries = 1
			if _, err := s.fetch(t, first, dir); err == nil {
				t.Fatal("half an archive is enough")
			}
			path, err := s.fetch(t, patient(&waits), dir)
			if err != nil {
				t.Fatal(err)
			}
			whole(t, s, dir, path)
			if len(waits) != 1 || waits[0] < time.Second {
				t.Errorf("waited %v", waits)
			}
			end := 0
			for i, h := range s.requests()[1:] {
				start := strings.TrimSuffix(strings.TrimPrefix(h.Get("Range"), "bytes="), "-")
				n, err := strconv.Atoi(start)
				if end += s.cuts[i]; err != nil || n > end || n <= end-s.cuts[i] {
					t.Errorf("request %d is for %q, after %d bytes", i+1, h.Get("Range"), end)
				}
				if got := h.Get("If-Range"); got != strong(s.etag, s.modified.Format(http.TimeFormat)) {
					t.Errorf("If-Range: %q", got)
				}
			}
		})
	}
}

// TestFromTheBeginning: where a part is of no use, the archive comes whole.
func TestFromTheBeginning(t *testing.T) {
	for name, tt := range map[string]struct {
		between  func(*site) // what happens to the site after it broke off
		requests int         // how many it takes then
	}{
		"no ranges":          {func(s *site) { s.noRanges = true }, 1},
		"no validator":       {func(*site) {}, 1},
		"other content":      {func(s *site) { s.content, s.etag = noise(2<<20), `"two"` }, 1},
		"same ETag":          {func(s *site) { s.content = noise(3<<20 + 1) }, 2},
		"shorter, same ETag": {func(s *site) { s.content = noise(1000) }, 2},
		"If-Range is not looked at": {func(s *site) {
			s.content, s.etag = noise(2<<20), `"two"`
			s.instead = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
				r.Header.Del("If-Range")
				return false
			}
		}, 2},
		"wrong range": {func(s *site) {
			s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Range") == "" {
					return false
				}
				w.Header().Set("Content-Range", "bytes 5-9/100")
				w.WriteHeader(http.StatusPartialContent)
				return true
			}
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 3<<20)
			s.cuts = []int{1 << 20}
			if name == "no validator" {
				s.etag = ""
			}
			dir := t.TempDir()
			want := s.digest()
			if _, err := (&Client{Tries: 1}).Archive(t.Context(), s.URL, want, dir, nil); err == nil {
				t.Fatal("half an archive is enough")
			}
			tt.between(s)
			if want != s.digest() { // the part is one of the archive that is wanted now
				for _, end := range []string{partly, origin} {
					if err := os.Rename(filepath.Join(dir, want+end), filepath.Join(dir, s.digest()+end)); err != nil {
						t.Fatal(err)
					}
				}
			}
			path, err := s.fetch(t, &Client{Tries: 1}, dir)
			if err != nil {
				t.Fatal(err)
			}
			whole(t, s, dir, path)
			if got := len(s.requests()) - 1; got != tt.requests {
				t.Errorf("%d requests", got)
			}
		})
	}
}

// TestAllButTheName: a run that died between the last byte and the new name leaves nothing to ask for.
func TestAllButTheName(t *testing.T) {
	s := newSite(t, 1000)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, s.digest()+partly), s.content, 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := s.fetch(t, new(Client), dir)
	if err != nil || len(s.requests()) != 0 {
		t.Fatal(err, s.requests())
	}
	whole(t, s, dir, path)
}

// TestWrongForEver: not even a server that breaks off again and again gets a third chance to give the wrong archive.
func TestWrongForEver(t *testing.T) {
	s := newSite(t, 1000)
	s.cuts = []int{500, 500, 500, 500, 500, 500, 500, 500}
	var waits []time.Duration
	dir := t.TempDir()
	_, err := patient(&waits).Archive(t.Context(), s.URL, digest(nil), dir, nil)
	complains(t, err, digest(nil))
	if n := len(s.requests()); n > 8 {
		t.Errorf("asked %d times", n)
	}
	if names := names(t, dir); names != nil {
		t.Errorf("%q stay", names)
	}
}

// TestFarButSlowly: a connection that breaks more often than there are tries, and brings something every time, arrives.
func TestFarButSlowly(t *testing.T) {
	s := newSite(t, 9<<20)
	for range 8 {
		s.cuts = append(s.cuts, 1<<20)
	}
	var waits []time.Duration
	dir := t.TempDir()
	c := patient(&waits)
	c.Tries = 2
	path, err := s.fetch(t, c, dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
}

func TestStalled(t *testing.T) {
	s := newSite(t, 2<<20)
	var send atomic.Int64 // how much the site sends before it goes silent
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" {
			return false
		}
		if n := send.Load(); n > 0 {
			w.Header().Set("ETag", s.etag)
			w.Header().Set("Content-Length", strconv.Itoa(len(s.content)))
			_, _ = w.Write(s.content[:n])
			must(http.NewResponseController(w).Flush())
		}
		<-r.Context().Done()
		return true
	}
	var waits []time.Duration
	dir := t.TempDir()
	c := patient(&waits)
	c.Stall, c.Tries = 50*time.Millisecond, 2
	_, err := s.fetch(t, c, dir)
	complains(t, err, "fetching "+s.URL+"/a/base.tar (tried 2 times): the server sends nothing any more (for 50ms)")

	send.Store(1 << 19)
	path, err := s.fetch(t, &Client{Stall: time.Second, pause: c.pause}, dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
	all := s.requests()
	if got := all[len(all)-1].Get("Range"); got != "bytes=524288-" {
		t.Errorf("went on with %q", got)
	}
}

// TestInterrupted: what came stays.
func TestInterrupted(t *testing.T) {
	s := newSite(t, 3<<20)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := new(Client).Archive(ctx, s.URL+"/?sig=hush", s.digest(), dir, func(done, _ int64) {
		if done > 1<<20 {
			cancel()
		}
	})
	complains(t, err, s.URL, "goes on where")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no interruption", err)
	}
	if names := names(t, dir); !slices.Equal(names, []string{s.digest() + origin, s.digest() + partly}) {
		t.Errorf("there are %q", names)
	}

	ctx, cancel = context.WithCancel(t.Context())
	down := newSite(t, 1)
	down.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
	c := Client{pause: func(ctx context.Context, _ time.Duration) error { cancel(); return pause(ctx, time.Hour) }}
	if _, err := c.Archive(ctx, down.URL, down.digest(), dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting ends with %v", err)
	}
}
