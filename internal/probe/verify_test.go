package probe_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

const (
	password = "pl4nt-ed word"
	login    = "plant-7:" + password
)

var authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(login))

// verify asks one endpoint, by a hosts.toml that shows it a credential.
func verify(ctx context.Context, t *testing.T, v render.Version, url string, o probe.Options) (*probe.Contact, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "reg.example")
	hosts := fmt.Sprintf("[host.%q]\n[host.%q.header]\nAuthorization = %q\nX-Api-Key = %q\n", url, url, authorization, password)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(hosts), 0o600)); err != nil {
		t.Fatal(err)
	}
	e := render.Endpoint{URL: url, Credential: "plant"}
	all, err := probe.Verify(ctx, probe.Node{Root: "/", Version: v, Dirs: []string{filepath.Dir(dir)}}, []probe.Registry{{Host: "reg.example", Endpoints: []render.Endpoint{e}}}, o)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 || all[0].Contact == nil {
		t.Fatalf("asked %+v", all)
	}
	return all[0].Contact, nil
}

// raw answers each connection with bytes, in which HEADER stands for the credential that it is shown.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				fmt.Fprint(conn, strings.NewReplacer(
					"HEADER", request.Header.Get("Authorization"), "WORD", password, "HOST", l.Addr().String(),
				).Replace(answer))
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// The other side repeats the credential wherever it can. Nothing that is said of its answer holds it.
func TestRepeated(t *testing.T) {
	for name, answer := range map[string]string{
		"status line": "HTTP/1.1 HEADER\r\n\r\n",
		"no HTTP":     "HEADER WORD\r\n\r\n",
		"header line": "HTTP/1.1 200 OK\r\nHEADER\r\n\r\n",
		"media type":  "HTTP/1.1 200 OK\r\nContent-Type: text/WORD\r\nContent-Length: 0\r\n\r\n",
		"redirect":    "HTTP/1.1 302 Found\r\nLocation: http://HOST/WORD/HEADER?x=WORD\r\nContent-Length: 0\r\n\r\n",
		"nowhere":     "HTTP/1.1 302 Found\r\nLocation: ht!tp://HEADER\r\nContent-Length: 0\r\n\r\n",
		"realm":       "HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:1/WORD/HEADER?x=WORD\",service=\"WORD\"\r\nContent-Length: 0\r\n\r\n",
		"no realm":    "HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"WORD://HEADER\"\r\nContent-Length: 0\r\n\r\n",
		"token":       "HTTP/1.1 401 Who\r\nWWW-Authenticate: Bearer realm=\"http://HOST/WORD\"\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range majors {
				c, err := verify(t.Context(), t, v, raw(t, answer), probe.Options{})
				if err != nil {
					t.Fatal(err)
				}
				said := fmt.Sprintf("%+v", *c)
				for _, secret := range []string{password, "pl4nt-ed", "pl4nt-ed%20word", authorization, strings.Fields(authorization)[1]} {
					if strings.Contains(said, secret) {
						t.Errorf("%s: it holds %q: %s", v, secret, said)
					}
				}
				if c.OK || c.Error == "" {
					t.Errorf("%s: %s", v, said)
				}
			}
		})
	}
}

// Nobody answers: neither of the limits is waited for longer, and an interrupt ends all of it at once.
func TestUnanswered(t *testing.T) {
	asked := make(chan struct{}, 9)
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	c, err := verify(t.Context(), t, majors[2], s.URL, probe.Options{Limit: 30 * time.Millisecond})
	if err != nil || c.OK || !strings.Contains(c.Error, "timeout") && !strings.Contains(c.Error, "no answer within") {
		t.Errorf("%+v, %v", c, err)
	}
	<-asked
	interrupt := errors.New("somebody pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(interrupt)
	}()
	if c, err := verify(ctx, t, majors[2], s.URL, probe.Options{Limit: time.Hour}); !errors.Is(err, interrupt) {
		t.Errorf("%+v, %v", c, err)
	}
}

// The paths that an API root can have, and what has to answer where.
func TestAPIRoots(t *testing.T) {
	s := serve(t, nil)
	for path, ok := range map[string]bool{
		"":               true,
		"/v2":            true,
		"/v2/project":    true, // asked at /v2/: nothing has to answer for a project
		"/elsewhere":     false,
		"/elsewhere/v2":  false,
		"/v2/project/v2": false, // an API root of its own
	} {
		c, err := verifyRoot(t, s.URL+path)
		if err != nil || c.OK != ok {
			t.Errorf("%q: %+v, %v", path, c, err)
		}
	}
}

func verifyRoot(t *testing.T, url string) (*probe.Contact, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "reg.example")
	e := render.Endpoint{URL: url, Root: strings.HasPrefix(url[len("http://"):][strings.IndexByte(url[len("http://"):]+"/", '/'):], "/v2/")}
	hosts := fmt.Sprintf("[host.%q]\noverride_path = %v\n", url, e.Root)
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(hosts), 0o600)); err != nil {
		t.Fatal(err)
	}
	all, err := probe.Verify(t.Context(), probe.Node{Root: "/", Version: majors[2], Dirs: []string{filepath.Dir(dir)}},
		[]probe.Registry{{Host: "reg.example", Endpoints: []render.Endpoint{e}}}, probe.Options{})
	if err != nil {
		return nil, err
	}
	return all[0].Contact, nil
}
