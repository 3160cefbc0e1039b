package fetch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Problem is why an archive could not be fetched.
type Problem struct {
	Message string // lower case, no full stop; URLs without user, password and query
	Hint    string // what to do about it; may be empty
	Err     error  // what lies beneath; may be nil
}

// Error gives the message and its cause. The hint is not in it: the terminal prints it on a line of its own.
func (p *Problem) Error() string {
	if p.Err != nil {
		return p.Message + ": " + p.Err.Error()
	}
	return p.Message
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

func problem(hint string, err error, format string, args ...any) *Problem {
	return &Problem{Message: fmt.Sprintf(format, args...), Hint: hint, Err: err}
}

// bare is a URL as it may be shown: a user, a password and a signed query are secrets.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// parse reads the URL of an archive.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		// The error of url.Parse quotes the address with all that is in it.
		return nil, problem("", nil, "an archive's address is not a URL")
	}
	if u.Scheme != "https" || u.Host == "" {
		return nil, problem("use https://HOST/PATH", nil, "an archive is fetched over https only, not from %q", bare(u))
	}
	return u, nil
}

// passing is a failure that may be over at the next try.
type passing struct {
	err   *Problem
	after time.Duration // how long the server asks to be left alone
}

func (p *passing) Error() string { return p.err.Error() }

func (p *passing) Unwrap() error { return p.err }

const goesOn = "the next run goes on where this one ended"

// errStalled says that a server went silent.
var errStalled = errors.New("the server sends nothing any more")

// broken judges what went wrong on the way to the server or back.
func broken(u *url.URL, err error) error {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p // a redirect that is not followed
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL and its secrets
	}
	fail := func(hint string) *Problem { return problem(hint, err, "fetching %s", bare(u)) }
	var untrusted *tls.CertificateVerificationError
	var alert tls.AlertError
	var name *net.DNSError
	switch {
	case errors.As(err, &untrusted):
		return fail("if the server is the right one, install the authority that signed its certificate on this node, or name it in SSL_CERT_FILE")
	case errors.As(err, &alert):
		return fail("the server breaks TLS off: it may want a client certificate, which is not supported for archives")
	case errors.Is(err, http.ErrSchemeMismatch):
		return fail("the server speaks plain http on this port: give the port where it speaks https")
	case errors.As(err, &name) && name.IsNotFound:
		return fail("look at the name in the URL and at the node's DNS; behind a proxy, set HTTPS_PROXY")
	}
	return &passing{err: fail("look at the network, and at HTTPS_PROXY and NO_PROXY; " + goesOn)}
}

// refused judges an answer that holds no archive.
func refused(u *url.URL, r *http.Response) error {
	hint := ""
	switch {
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden:
		hint = "the server does not give it to this node: a signed URL may have expired"
	case r.StatusCode == http.StatusNotFound, r.StatusCode == http.StatusGone:
		hint = "look at the URL: the archive may have moved"
	case r.StatusCode == http.StatusTooManyRequests, r.StatusCode >= 500:
		hint = "try again later; if it stays so, ask those who run the server"
	}
	p := problem(hint, nil, "fetching %s: the server answers %d %s", bare(u), r.StatusCode, http.StatusText(r.StatusCode))
	switch r.StatusCode {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return p
	case http.StatusRequestTimeout, http.StatusTooManyRequests: // of the 4xx, the two that blame the hour and not the request
	default:
		if r.StatusCode < 500 {
			return p
		}
	}
	seconds, _ := time.ParseDuration(r.Header.Get("Retry-After") + "s") // a date counts as nothing said
	return &passing{err: p, after: min(max(seconds, 0), 2*time.Minute)}
}
