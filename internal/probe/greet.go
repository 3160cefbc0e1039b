package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// Failure is why an endpoint could not be spoken to.
type Failure string

// The failures.
const (
	NobodyListens Failure = "refused"      // nobody listens
	NoAddress     Failure = "unresolved"   // the name has no address
	NoAnswer      Failure = "unreachable"  // no answer in time, no route
	AnswersPlain  Failure = "plain http"   // https was asked, and http answers
	CertExpired   Failure = "expired"      // its certificate
	CertNotYet    Failure = "not yet"      // its certificate is not valid yet, by our clock
	CertName      Failure = "wrong name"   // its certificate is for other names
	CertUntrusted Failure = "untrusted"    // nobody whom we trust has signed its certificate
	CertWanted    Failure = "wants client" // it wants a client certificate
	OtherFailure  Failure = "other"
)

// Greeting is what an endpoint says when it is asked for its API root once, by the client that containerd has for it: what shows a trap, and
// not whether all of it works, which is [Verify]'s to say.
type Greeting struct {
	Directory string // of certs.d that names it; empty: it was asked for by its URL alone
	URL       string // the API root
	Failure   Failure
	Error     string // in words
	Status    int    // of HTTP; 0: none came
	HTML      bool   // it answers with a page
	Challenge string // what it wants to see: basic or bearer
	Names     []string
	NotAfter  time.Time // of its certificate; zero: it showed none
	Clock     time.Time // its own; zero: it did not say
	At        time.Time // ours, when it answered
	Shown     bool      // a credential was shown to it
	Lax       bool      // its certificate is not to be verified
}

// Whom is whom to ask, and how.
type Whom struct {
	Root        string                           // where the node's file system is mounted
	Version     render.Version                   // containerd's; not known: 2.x
	Directories []string                         // of certs.d, as the node names them: all of their endpoints are asked
	URLs        []string                         // further API roots
	Lax         func(url string) bool            // which of them have a certificate that is not to be verified; nil: none
	Wanted      func(directory, url string) bool // which of the directories' endpoints; nil: all
	HostsFile   []byte                           // the node's, where it is another machine's file system
	Proxy       func(*url.URL) (*url.URL, error) // containerd's; nil: none
}

// Greet asks each endpoint once, several at a time. It ends early when ctx does.
func Greet(ctx context.Context, a Whom) ([]Greeting, error) {
	type ask struct {
		directory string
		host      docker.RegistryHost
	}
	var asks []ask
	change := a.client()
	err := within(a.Root, func(prefix string) {
		for _, dir := range a.Directories {
			if prefix != "" && unfollowable(prefix, dir) {
				continue
			}
			for _, h := range a.hosts(prefix+dir, change) {
				if a.Wanted == nil || a.Wanted(dir, loader.Describe(h).URL) {
					asks = append(asks, ask{dir, h})
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, u := range a.URLs {
		if h, ok := hostOf(u, change); ok {
			asks = append(asks, ask{"", h})
		}
	}
	greetings := make([]Greeting, len(asks))
	free := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, x := range asks {
		greetings[i] = Greeting{Directory: x.directory, URL: loader.Describe(x.host).URL}
		greetings[i].Lax = a.Lax != nil && a.Lax(greetings[i].URL)
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			greetings[i].ask(ctx, x.host)
		})
	}
	all.Wait()
	return greetings, ctx.Err()
}

// client gives what changes each client: its limits, its proxy.
func (a Whom) client() func(*http.Transport) {
	limits := Options{}.connect(a.HostsFile)
	return func(t *http.Transport) {
		limits(t)
		t.Proxy = nil
		if a.Proxy != nil {
			t.Proxy = func(r *http.Request) (*url.URL, error) { return a.Proxy(r.URL) }
		}
		t.DisableKeepAlives = true
	}
}

// hosts gives those whom containerd would ask by a directory.
func (a Whom) hosts(dir string, change func(*http.Transport)) []docker.RegistryHost {
	major := 2
	if a.Version.Known() && a.Version.Major < 2 {
		major = 1
	}
	load, err := loader.Hosts(major, loader.Options{Dir: func(string) (string, error) { return dir, nil }, Client: change})
	if err != nil {
		return nil
	}
	if old(a.Version) {
		load = asOld(a.Version, load, change)
	}
	hosts, err := load(registryOf(dir))
	if err != nil {
		return nil // every pull fails, which is said elsewhere
	}
	return hosts
}

// hostOf gives a host by its API root alone. Whom it trusts is not known, so that its certificate is looked at only.
func hostOf(root string, change func(*http.Transport)) (docker.RegistryHost, bool) {
	u, err := url.Parse(root)
	if err != nil || u.Host == "" {
		return docker.RegistryHost{}, false
	}
	client := bare(change)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return docker.RegistryHost{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Client: client}, true
}

// ask asks for the API root, and says what came of it.
func (g *Greeting) ask(ctx context.Context, h docker.RegistryHost) {
	for name := range h.Header {
		g.Shown = g.Shown || render.Credential(name)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, apiBase(h), nil)
	if err != nil {
		g.Failure, g.Error = OtherFailure, err.Error()
		return
	}
	for name, values := range h.Header {
		request.Header[name] = values
	}
	response, err := h.Client.Do(request)
	g.At = time.Now()
	if err != nil {
		g.Failure, g.Error = failureOf(err), mask(h.Header).Replace(because(err))
		g.certificate(err, nil)
		return
	}
	response.Body.Close()
	g.Status = response.StatusCode
	g.HTML = strings.HasPrefix(response.Header.Get("Content-Type"), "text/html")
	g.Clock, _ = http.ParseTime(response.Header.Get("Date"))
	challenge, _, _ := strings.Cut(response.Header.Get("WWW-Authenticate"), " ")
	g.Challenge = strings.ToLower(challenge)
	g.certificate(nil, response.TLS)
	switch {
	case g.Directory != "":
		g.Lax = loader.Describe(h).SkipVerify
	case response.TLS == nil || g.Lax:
	case g.At.After(g.NotAfter):
		g.Failure = CertExpired
	case response.TLS.PeerCertificates[0].VerifyHostname(response.Request.URL.Hostname()) != nil:
		g.Failure = CertName
	}
}

// certificate notes what certificate was shown.
func (g *Greeting) certificate(err error, state *tls.ConnectionState) {
	var chain []*x509.Certificate
	if failed := (*tls.CertificateVerificationError)(nil); errors.As(err, &failed) {
		chain = failed.UnverifiedCertificates
	} else if state != nil {
		chain = state.PeerCertificates
	}
	if len(chain) == 0 {
		return
	}
	leaf := chain[0]
	g.NotAfter = leaf.NotAfter
	g.Names = append(g.Names, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		g.Names = append(g.Names, ip.String())
	}
}

// failureOf says what kind of failure an error is.
func failureOf(err error) Failure {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		dns     *net.DNSError
		alert   tls.AlertError
	)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return AnswersPlain
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			return CertNotYet
		}
		return CertExpired
	case errors.As(err, &name):
		return CertName
	case errors.As(err, &unknown):
		return CertUntrusted
	case errors.As(err, &alert), strings.Contains(err.Error(), "tls: certificate required"), strings.Contains(err.Error(), "remote error: tls: bad certificate"):
		return CertWanted
	case errors.As(err, &dns):
		return NoAddress
	case errors.Is(err, syscall.ECONNREFUSED):
		return NobodyListens
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), timeout(err):
		return NoAnswer
	}
	return OtherFailure
}

func timeout(err error) bool {
	var net net.Error
	return errors.As(err, &net) && net.Timeout()
}
