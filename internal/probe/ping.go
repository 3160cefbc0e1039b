package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/version"

	"github.com/regsync/regsync/render"
)

// maxRedirects is how often containerd follows (resolver.go of remotes/docker).
const maxRedirects = 10

// pinger asks one endpoint.
type pinger struct {
	host    docker.RegistryHost
	version render.Version
	client  *http.Client
	secrets *strings.Replacer

	contact Contact
}

// ping asks an endpoint's API root: first without its credential, so that it shows whether one is needed, then as containerd of that
// version does, all of it within limit. Nothing that is said of the answer holds the credential, though the other side should repeat it.
func ping(ctx context.Context, v render.Version, h docker.RegistryHost, limit time.Duration) Contact {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	client := *h.Client
	defer client.CloseIdleConnections()
	p := &pinger{host: h, version: v, client: &client, secrets: mask(h.Header)}
	p.contact.Credentials.State = LoginUnknown
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return errors.New("it redirects without end")
		}
		p.contact.Redirect = p.tell(withoutQuery(r.URL))
		return nil
	}
	start := time.Now()
	err := p.converse(ctx)
	p.contact.Took = time.Since(start)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		p.contact.Error = p.tell(because(err))
	}
	p.contact.OK = err == nil
	return p.contact
}

// converse has the conversation. Its error says why the endpoint is of no use.
func (p *pinger) converse(ctx context.Context) error {
	first, err := p.get(ctx, false, "")
	if err != nil {
		return err
	}
	if err := p.speaks(first); err != nil {
		return err
	}
	answer, given := first, p.given()
	if given {
		if answer, err = p.get(ctx, true, ""); err != nil {
			return err
		}
	}
	if answer.StatusCode == http.StatusUnauthorized {
		if answer, err = p.withToken(ctx, answer); err != nil {
			return err
		}
	}
	if err := p.speaks(answer); err != nil {
		return err
	}
	wanted := first.StatusCode == http.StatusUnauthorized
	state := &p.contact.Credentials.State
	switch refused := answer.StatusCode == http.StatusUnauthorized; {
	case *state == NotSent && refused:
		return errors.New("it wants tokens, and this containerd does not show the credential to where they are given out")
	case *state == NotSent:
	case refused && given:
		*state = Refused
		return errors.New("it refuses the credential")
	case refused:
		*state = Wanted
	case wanted && given:
		*state = Accepted
	default:
		*state = NotNeeded
	}
	return nil
}

// given reports whether the endpoint is shown a credential.
func (p *pinger) given() bool {
	for name := range p.host.Header {
		if render.Credential(name) {
			return true
		}
	}
	return false
}

// get asks the API root. Token is an Authorization that takes the place of the header's; empty: there is none.
func (p *pinger) get(ctx context.Context, credentials bool, token string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, apiBase(p.host), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "containerd/"+version.Version) // as its resolver does
	for name, values := range p.host.Header {
		if credentials || !render.Credential(name) {
			request.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	response, err := p.client.Do(request)
	if err != nil {
		p.disbelieved(err)
		return nil, err
	}
	defer response.Body.Close()
	p.secured(response)
	p.contact.Status = response.StatusCode
	start, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // what cannot be read says nothing
	if response.StatusCode == http.StatusBadRequest && p.contact.TLS.Mode == Plain && strings.Contains(string(start), "HTTPS") {
		return nil, errors.New("it wants https, and is asked by plain http")
	}
	return response, nil
}

// apiBase is what a registry says of itself at: the API root, without what a mirror has behind /v2 for one of its projects.
func apiBase(h docker.RegistryHost) string {
	path := h.Path
	if before, _, ok := strings.Cut(path, "/v2/"); ok && !strings.HasSuffix(path, "/v2") {
		path = before + "/v2"
	}
	return h.Scheme + "://" + h.Host + path + "/"
}

// speaks says why what answers is no registry, or one that lets nobody in; nil where it is one.
func (p *pinger) speaks(r *http.Response) error {
	isRegistry := r.Header.Get("Docker-Distribution-Api-Version") != ""
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case r.StatusCode == http.StatusUnauthorized:
		return nil
	case r.StatusCode == http.StatusNotFound && isRegistry && !strings.HasSuffix(p.host.Path, "/v2"):
		return nil // an API root of its own making, which nothing has to be at
	case r.StatusCode == http.StatusNotFound:
		return fmt.Errorf("no registry answers at %s", apiBase(p.host))
	case r.StatusCode == http.StatusForbidden:
		return errors.New("it forbids it (403)")
	case r.StatusCode >= 300:
		return fmt.Errorf("it answers with %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	case kind == "text/html" && !isRegistry:
		return errors.New("it answers with text/html, as a web site does and no registry")
	case strings.HasPrefix(kind, "text/") && !isRegistry:
		return errors.New("it answers with text, as no registry does")
	}
	return nil
}

// secured notes how the other side is known.
func (p *pinger) secured(r *http.Response) {
	state := r.TLS
	if state == nil {
		p.contact.TLS = TLS{Mode: Plain}
		return
	}
	t := TLS{Mode: NotVerified}
	if len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		t.Expires, t.Authority = leaf.NotAfter, leaf.Issuer.CommonName
	}
	if chains := state.VerifiedChains; len(chains) > 0 {
		t.Mode = Verified
		if root := chains[0][len(chains[0])-1]; root.Subject.CommonName != "" {
			t.Authority = root.Subject.CommonName
		}
	}
	t.Authority = p.tell(t.Authority)
	p.contact.TLS = t
}

// disbelieved notes the certificate that a connection failed for, if it did.
func (p *pinger) disbelieved(err error) {
	failed := (*tls.CertificateVerificationError)(nil)
	if !errors.As(err, &failed) || len(failed.UnverifiedCertificates) == 0 {
		return
	}
	leaf := failed.UnverifiedCertificates[0]
	p.contact.TLS = TLS{Mode: Disbelieved, Authority: p.tell(leaf.Issuer.CommonName), Expires: leaf.NotAfter}
}

// because gives an error as a person reads it. Where it would repeat a part of what the other side said, it says only that.
func because(err error) string {
	s := strings.TrimPrefix(plain(err), "dial tcp ")
	switch {
	case strings.Contains(s, "malformed"):
		return "it answers, and does not speak HTTP"
	case strings.Contains(s, "Location header"):
		return "it redirects to what is no URL"
	}
	return s
}

// withoutQuery is a URL without what may be secret in it.
func withoutQuery(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

// tell gives a text of the other side's without credentials.
func (p *pinger) tell(text string) string { return p.secrets.Replace(text) }
