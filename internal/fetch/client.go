package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Client fetches archives. Its zero value is ready for use.
type Client struct {
	Version string                    // of regsync, for the logs of servers
	Limit   func(io.Reader) io.Reader // slows the bytes of a body down; nil: as fast as they come
	Stall   time.Duration             // how long a server may send nothing; 0: a minute
	Tries   int                       // how often in a row a try may get nowhere; 0: five times

	pause func(ctx context.Context, d time.Duration) error // nil: waits
	free  func(dir *os.Root) (int64, error)                // nil: asks the file system
}

const (
	stall = time.Minute

	// Tries is how often in a row a try may get nowhere, unless a client says otherwise.
	Tries = 5

	// somewhere is how many more bytes than ever before a try must bring to count as having got somewhere. It bounds the tries of a
	// download as a whole: a server that is cut off over and over, and gives no ranges, gets nowhere.
	somewhere = 1 << 20
)

// Archive makes sure that the archive with this sha256 (64 lower-case hex digits) is in dir, and gives its path there. It asks address
// only if it is not there yet. dir is made (0700) where it is missing.
//
// tell, which may be nil, hears how many bytes are there and how many there will be (-1: the server does not say), first when
// they begin to come. An error is a *[Problem]. Where ctx ends the fetch, what came so
// far is kept, as it is when the connection breaks; of an archive with a wrong digest nothing is.
func (c *Client) Archive(ctx context.Context, address, sha256, dir string, tell func(done, total int64)) (string, error) {
	if !isDigest(sha256) {
		return "", problem("", nil, "%q is not a sha256 of 64 lower-case hex digits", sha256)
	}
	from, err := parse(address)
	if err != nil {
		return "", err
	}
	if path, ok := Known(dir, sha256); ok {
		return path, nil
	}
	err = c.fetch(ctx, from, sha256, dir, tell)
	if p := (*Problem)(nil); err != nil && !errors.As(err, &p) {
		return "", problem("", err, "storing %s in %q", bare(from), dir)
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, sha256), nil
}

func (c *Client) fetch(ctx context.Context, from *url.URL, sha256, dir string, tell func(done, total int64)) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	p, err := openPart(ctx, root, sha256)
	if err != nil {
		return err
	}
	defer p.close()
	d := download{client: c.withDefaults(), http: newHTTP(), url: from, part: p, tell: tell}
	defer d.http.CloseIdleConnections()
	return d.run(ctx)
}

func (c *Client) withDefaults() Client {
	d := *c
	if d.Limit == nil {
		d.Limit = func(r io.Reader) io.Reader { return r }
	}
	if d.Stall == 0 {
		d.Stall = stall
	}
	if d.Tries == 0 {
		d.Tries = Tries
	}
	if d.pause == nil {
		d.pause = pause
	}
	if d.free == nil {
		d.free = free
	}
	return d
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Backoff is how long to wait after that many tries in a row that got nowhere: 1, 2, 4 … up to 30 s, and up to half as much again, so that a
// fleet that lost its server together does not come back together. Spread is a random number from 0 to 1.
func Backoff(failed int, spread float64) time.Duration {
	d := min(time.Second<<min(failed-1, 10), 30*time.Second)
	return d + time.Duration(spread*float64(d)/2)
}

// newHTTP gives a client that follows redirects to https only, and takes bodies as they are.
func newHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = discreet(http.ProxyFromEnvironment)
	t.DisableCompression = true // the digest is that of the bytes as they lie on the server
	return &http.Client{Transport: t, CheckRedirect: follow}
}

// discreet keeps the error of a proxy's address to itself: it quotes it with the password, which is often what breaks it.
func discreet(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(q *http.Request) (*url.URL, error) {
		u, err := proxy(q)
		if err != nil {
			return nil, problem("write it like http://proxy:3128, special characters of a password as %XX", nil, "the value of HTTPS_PROXY is not a URL")
		}
		return u, nil
	}
}

// follow lets a redirect lead to https only. The page that it came from is nobody's business: its query may be a signature.
func follow(q *http.Request, via []*http.Request) error {
	q.Header.Del("Referer")
	if q.URL.Scheme != "https" {
		return problem("give the URL that the redirect should have led to, over https", nil,
			"%s redirects to %s, which is not https", bare(via[len(via)-1].URL), bare(q.URL))
	}
	if len(via) >= 10 {
		return problem("look at the URL with a browser", nil, "%s is redirected more than ten times", bare(via[0].URL))
	}
	return nil
}
