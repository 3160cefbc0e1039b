package fetch

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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

func TestBackoff(t *testing.T) {
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		if got := Backoff(i+1, rand.Float64()); got < want*time.Second || got >= want*time.Second*3/2 {
			t.Errorf("after %d: %v", i+1, got)
		}
	}
	if got := Backoff(100, rand.Float64()); got > 45*time.Second {
		t.Errorf("after 100: %v", got)
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
	if len(waits) != Tries-1 {
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

func TestBadProxy(t *testing.T) {
	hc := http.Client{Transport: &http.Transport{Proxy: discreet(func(*http.Request) (*url.URL, error) {
		return nil, errors.New(`invalid proxy address "http://me:hush%w@proxy"`)
	})}}
	_, err := hc.Get("https://archives.example/")
	complains(t, broken(&url.URL{}, err), "HTTPS_PROXY is not a URL", "%XX")
}
