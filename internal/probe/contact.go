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
	Refused     Failure = "refused"      // nobody listens
	Unresolved  Failure = "unresolved"   // the name has no address
	Unreachable Failure = "unreachable"  // no answer in time, no route
	PlainHTTP   Failure = "plain http"   // https was asked, and http answers
	Expired     Failure = "expired"      // its certificate
	NotYet      Failure = "not yet"      // its certificate is not valid yet, by our clock
	WrongName   Failure = "wrong name"   // its certificate is for other names
	Untrusted   Failure = "untrusted"    // nobody whom we trust has signed its certificate
	WantsClient Failure = "wants client" // it wants a client certificate
	Other       Failure = "other"
)

// Contact is what an endpoint says when it is asked for its API root, by the client that containerd has for it.
type Contact struct {
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

// Asking is whom to ask, and how.
type Asking struct {
	Root        string                           // where the node's file system is mounted
	Version     render.Version                   // containerd's; not known: 2.x
	Directories []string                         // of certs.d, as the node names them: all of their endpoints are asked
	URLs        []string                         // further API roots
	Lax         func(url string) bool            // which of them have a certificate that is not to be verified; nil: none
	Wanted      func(directory, url string) bool // which of the directories' endpoints; nil: all
	HostsFile   []byte                           // the node's, where it is another machine's file system
	Proxy       func(*url.URL) (*url.URL, error) // containerd's; nil: none
	Limit       time.Duration                    // how long a connection may take to come about; 0: 5 s
}

// asideAsked bounds how many endpoints are asked side by side.
const asideAsked = 16

// Ask asks each endpoint once, several at a time. It ends early when ctx does.
func Ask(ctx context.Context, a Asking) ([]Contact, error) {
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
	contacts := make([]Contact, len(asks))
	free := make(chan struct{}, asideAsked)
	var all sync.WaitGroup
	for i, x := range asks {
		contacts[i] = Contact{Directory: x.directory, URL: loader.Describe(x.host).URL}
		contacts[i].Lax = a.Lax != nil && a.Lax(contacts[i].URL)
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			contacts[i].ask(ctx, x.host)
		})
	}
	all.Wait()
	return contacts, ctx.Err()
}

// client gives what changes each client: its limits, its proxy.
func (a Asking) client() func(*http.Transport) {
	limits := Options{Limit: a.Limit}.connect(a.HostsFile)
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
func (a Asking) hosts(dir string, change func(*http.Transport)) []docker.RegistryHost {
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
func (c *Contact) ask(ctx context.Context, h docker.RegistryHost) {
	for name := range h.Header {
		c.Shown = c.Shown || render.Credential(name)
	}
	root := h.Path
	if strings.HasPrefix(root, "/v2/") { // a project's own root says nothing; that of the registry does
		root = "/v2"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Scheme+"://"+h.Host+root+"/", nil)
	if err != nil {
		c.Failure, c.Error = Other, err.Error()
		return
	}
	for name, values := range h.Header {
		request.Header[name] = values
	}
	response, err := h.Client.Do(request)
	c.At = time.Now()
	if err != nil {
		c.Failure, c.Error = failureOf(err), plain(err)
		c.certificate(err, nil)
		return
	}
	response.Body.Close()
	c.Status = response.StatusCode
	c.HTML = strings.HasPrefix(response.Header.Get("Content-Type"), "text/html")
	c.Clock, _ = http.ParseTime(response.Header.Get("Date"))
	challenge, _, _ := strings.Cut(response.Header.Get("WWW-Authenticate"), " ")
	c.Challenge = strings.ToLower(challenge)
	c.certificate(nil, response.TLS)
	switch {
	case c.Directory != "":
		c.Lax = loader.Describe(h).SkipVerify
	case response.TLS == nil || c.Lax:
	case c.At.After(c.NotAfter):
		c.Failure = Expired
	case response.TLS.PeerCertificates[0].VerifyHostname(response.Request.URL.Hostname()) != nil:
		c.Failure = WrongName
	}
}

// certificate notes what certificate was shown.
func (c *Contact) certificate(err error, state *tls.ConnectionState) {
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
	c.NotAfter = leaf.NotAfter
	c.Names = append(c.Names, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
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
		return PlainHTTP
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			return NotYet
		}
		return Expired
	case errors.As(err, &name):
		return WrongName
	case errors.As(err, &unknown):
		return Untrusted
	case errors.As(err, &alert), strings.Contains(err.Error(), "tls: certificate required"), strings.Contains(err.Error(), "remote error: tls: bad certificate"):
		return WantsClient
	case errors.As(err, &dns):
		return Unresolved
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), timeout(err):
		return Unreachable
	}
	return Other
}

func timeout(err error) bool {
	var net net.Error
	return errors.As(err, &net) && net.Timeout()
}
