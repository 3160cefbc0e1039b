package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
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
	"time"
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

func TestEmptyArchive(t *testing.T) {
	s := newSite(t, 0)
	dir := t.TempDir()
	path, err := s.fetch(t, new(Client), dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
}

func TestAnswers(t *testing.T) {
	for status, tt := range map[int]struct {
		requests int
		says     string
	}{
		301: {1, "the server answers 301"}, // without a Location
		400: {1, "400 Bad Request"},
		401: {1, "signed URL"},
		403: {1, "signed URL"},
		404: {1, "look at the URL"},
		416: {1, "416"},
		206: {1, "206"}, // nobody asked for a range
		429: {5, "429 Too Many Requests (tried 5 times)"},
		500: {5, "500 Internal Server Error (tried 5 times)"},
		501: {1, "501"},
		503: {5, "try again later"},
	} {
		s := newSite(t, 1000)
		s.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "77")
			w.WriteHeader(status)
			return true
		}
		var waits []time.Duration
		dir := t.TempDir()
		_, err := s.fetch(t, patient(&waits), dir)
		complains(t, err, s.URL+"/a/base.tar", tt.says)
		if n := len(s.requests()); n != tt.requests || len(waits) != n-1 {
			t.Errorf("%d: %d requests, waited %v", status, n, waits)
		}
		for _, d := range waits {
			if d != 77*time.Second {
				t.Errorf("%d: waited %v, not as long as the server asked for", status, d)
			}
		}
		if names := names(t, dir); names != nil {
			t.Errorf("%q stay", names)
		}
	}
}

func TestTransient(t *testing.T) {
	s := newSite(t, 1000)
	s.instead = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		switch n {
		case 0:
			panic(http.ErrAbortHandler) // on the first connection: net/http itself tries again on one that was good once
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		}
		return n < 2
	}
	var waits []time.Duration
	dir := t.TempDir()
	path, err := s.fetch(t, patient(&waits), dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
	if len(waits) != 2 || waits[1] < 2*time.Second {
		t.Errorf("waited %v", waits)
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

func TestBackoff(t *testing.T) {
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		if got := backoff(i + 1); got < want*time.Second || got >= want*time.Second*3/2 {
			t.Errorf("after %d: %v", i+1, got)
		}
	}
	if got := backoff(100); got > 45*time.Second {
		t.Errorf("after 100: %v", got)
	}
}

func TestStalled(t *testing.T) {
	s := newSite(t, 2<<20)
	s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch n {
		case 0: // says nothing at all
		case 1: // stops in the middle
			w.Header().Set("ETag", s.etag)
			w.Header().Set("Content-Length", strconv.Itoa(len(s.content)))
			_, _ = w.Write(s.content[:1<<19])
			must(http.NewResponseController(w).Flush())
		default:
			return false
		}
		<-r.Context().Done()
		return true
	}
	var waits []time.Duration
	dir := t.TempDir()
	c := patient(&waits)
	c.Stall, c.Tries = 200*time.Millisecond, 2
	_, err := s.fetch(t, c, dir)
	complains(t, err, "fetching "+s.URL+"/a/base.tar (tried 2 times): the server sends nothing any more (for 200ms)")
	path, err := s.fetch(t, patient(&waits), dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
	if got := s.requests()[2].Get("Range"); got != "bytes="+strconv.Itoa(1<<19)+"-" {
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

func TestRedirect(t *testing.T) {
	s := newSite(t, 1000)
	var to string
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/real" {
			return false
		}
		http.Redirect(w, r, to, http.StatusFound)
		return true
	}
	dir := t.TempDir()
	to = "http://127.0.0.1:1/base.tar?token=hush"
	_, err := s.fetch(t, new(Client), dir)
	complains(t, err, s.URL+"/a/base.tar redirects to http://127.0.0.1:1/base.tar, which is not https")
	to = "/round"
	_, err = s.fetch(t, new(Client), dir)
	complains(t, err, "more than ten times")
	to = "/real"
	path, err := s.fetch(t, new(Client), dir)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
	if all := s.requests(); all[len(all)-1].Get("Referer") != "" {
		t.Error("the page behind a redirect learns where it was")
	}
}

func TestAddress(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:1/x?sig=hush", "ftp://me:hush@a.example/x", "https:///x?hush", "/x", "https://me:hush@a.example:x y/"} {
		dir := filepath.Join(t.TempDir(), "none")
		_, err := new(Client).Archive(t.Context(), address, digest(nil), dir, nil)
		complains(t, err)
		if _, err := os.Stat(dir); err == nil {
			t.Error("a directory was made")
		}
	}
	for _, sha := range []string{"", "abc", "../../" + digest(nil)[6:], strings.ToUpper(digest(nil))} {
		_, err := new(Client).Archive(t.Context(), "https://127.0.0.1:1/", sha, t.TempDir(), nil)
		complains(t, err, "is not a sha256")
		if _, ok := Known(t.TempDir(), sha); ok {
			t.Errorf("%q is known", sha)
		}
		complains(t, Remove(t.TempDir(), sha), "is not a sha256")
	}
}

func TestUntrusted(t *testing.T) {
	s := newSite(t, 1000)
	s.TLS.Certificates = []tls.Certificate{sign(newAuthority())}
	var waits []time.Duration
	_, err := s.fetch(t, patient(&waits), t.TempDir())
	complains(t, err, s.URL+"/a/base.tar", "certificate", "SSL_CERT_FILE")
	if len(waits) > 0 {
		t.Error("tried again")
	}
}

func TestUnreachable(t *testing.T) {
	s := newSite(t, 1)
	s.Close()
	var waits []time.Duration
	_, err := s.fetch(t, patient(&waits), t.TempDir())
	complains(t, err, s.URL+"/a/base.tar", "refused", "HTTPS_PROXY")
	if len(waits) != tries-1 {
		t.Errorf("waited %v", waits)
	}
}

func TestProxy(t *testing.T) {
	s := newSite(t, 1000)
	proxied.Store(s.Listener.Addr().String())
	dir := t.TempDir()
	path, err := new(Client).Archive(t.Context(), "https://archives.example/base.tar", s.digest(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, s, dir, path)
	if asked.Load() != "CONNECT archives.example:443" {
		t.Errorf("the proxy was asked to %v", asked.Load())
	}
	q, _ := http.NewRequest(http.MethodGet, "https://direct.example/", nil)
	if by, err := newHTTP().Transport.(*http.Transport).Proxy(q); by != nil || err != nil {
		t.Errorf("NO_PROXY: %v, %v", by, err)
	}
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
