package render

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// What a mirror may do where the spec does not say, and what an upstream may do.
var (
	mirrorCapabilities   = []string{"pull", "resolve"}
	upstreamCapabilities = []string{"pull", "resolve", "push"}
)

// place is where an endpoint stands in the spec, for messages: registries[i], or mirrors[i].endpoints[j].
type place struct {
	mirror bool
	i, j   int
	pos    spec.Position
}

// path gives the path of one of the place's fields.
func (p place) path(field string) string {
	entry := "registries[" + itoa(p.i) + "]"
	if p.mirror {
		entry = "mirrors[" + itoa(p.i) + "].endpoints[" + itoa(p.j) + "]"
	}
	return entry + "." + field
}

// mirror gives the endpoint that an entry of the spec's mirrors means.
func (c *chart) mirror(e *spec.Endpoint, at place) Endpoint {
	m := Endpoint{URL: location(e.URL), Capabilities: e.Capabilities, Header: e.Header}
	if len(m.Capabilities) == 0 {
		m.Capabilities = mirrorCapabilities
	}
	switch e.OverridePath {
	case spec.OverrideYes:
		m.Root = true
	case spec.OverrideNo:
	default:
		m.Root = isRoot(m.path())
	}
	c.login(&m, e.Credentials, at)
	c.secure(&m, e.TLS, at)
	c.timeout(&m, e.DialTimeout, at)
	return m
}

// upstream gives the endpoint that is the registry itself. r is nil where the spec has no entry for it.
func (c *chart) upstream(host string, r *spec.Registry, at place) Endpoint {
	u := Endpoint{Capabilities: upstreamCapabilities, Upstream: true}
	switch {
	case r != nil && r.Server != "":
		u.URL = location(r.Server)
	case host == dockerHub:
		u.URL = dockerHubServer
	case c.plain[strings.TrimSuffix(host, ":80")]:
		u.URL = "http://" + host
	default:
		u.URL = "https://" + host
	}
	u.Root = isRoot(u.path())
	if r == nil {
		c.secure(&u, spec.TLS{}, at)
		return u
	}
	u.Header = r.Header
	c.login(&u, r.Credentials, at)
	c.secure(&u, r.TLS, at)
	c.timeout(&u, r.DialTimeout, at)
	return u
}

// isRoot reports whether a path is the API root as it stands, where the spec leaves that open.
func isRoot(path string) bool {
	return strings.HasPrefix(path, "/v2/") || strings.HasSuffix(path, "/v2")
}

// Docker Hub's name in image references, and where it really is. https://docker.io answers with a redirect to a web page.
const (
	dockerHub       = "docker.io"
	dockerHubServer = "https://registry-1.docker.io"
)

// location gives a URL as containerd will take it: cleaned as its loader cleans it, and as ASCII.
func location(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	authority, p := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, p = rest[:i], path.Clean(rest[i:])
	}
	if p == "/" {
		p = ""
	}
	if scheme == "https" && (authority == dockerHub || authority == dockerHub+":443") {
		return dockerHubServer + escapePath(p)
	}
	if len(scheme)+len("://")+len(authority)+len(p) == len(url) && allow(p, pathBytes) {
		return url
	}
	return scheme + "://" + authority + escapePath(p)
}

// secure gives e what its TLS needs: the files that the spec names, or no verification.
func (c *chart) secure(e *Endpoint, t spec.TLS, at place) {
	if e.Plain() {
		if len(t.CA) > 0 || t.Client != nil {
			field := "ca"
			if len(t.CA) == 0 {
				field = "client"
			}
			c.warn(at.pos, at.path(field), "is not used: "+quote(e.URL)+" is plain http", "")
		}
		return
	}
	e.SkipVerify = len(c.skip) > 0 && c.skip[strings.TrimSuffix(e.Authority(), ":443")]
	for k, ca := range t.CA {
		if pem, ok := c.ca(ca, at, k); ok {
			e.CA, e.caFrom = append(e.CA, pem), append(e.caFrom, c.onNode(ca))
		}
	}
	if t.Client != nil {
		e.Cert, e.Key = c.client(t.Client, at)
		e.clientFrom = [2]string{c.onNode(t.Client.Cert), c.onNode(t.Client.Key)}
	}
}

// timeout sets the dial timeout where containerd knows one: dial_timeout came with containerd 2.0.
func (c *chart) timeout(e *Endpoint, d spec.Duration, at place) {
	if d != 0 && c.in.Containerd.Before(2, 0) {
		c.warn(at.pos, at.path("dialTimeout"), "is left out: containerd "+c.in.Containerd.String()+" does not know it", "")
		return
	}
	e.DialTimeout = d
}

// bare reports whether an endpoint has nothing but its URL and its capabilities.
func bare(e *Endpoint) bool {
	return len(e.CA) == 0 && e.Cert == nil && len(e.Header) == 0 && e.Credential == "" && e.DialTimeout == 0
}

// same reports whether two endpoints of one API root are asked in one way. Capabilities do not matter.
func same(a, b *Endpoint) bool {
	return a.SkipVerify == b.SkipVerify &&
		a.DialTimeout == b.DialTimeout &&
		slices.EqualFunc(a.CA, b.CA, bytes.Equal) &&
		bytes.Equal(a.Cert, b.Cert) && bytes.Equal(a.Key, b.Key) &&
		maps.EqualFunc(a.Header, b.Header, slices.Equal) &&
		a.Credential == b.Credential &&
		slices.Equal(a.CAFiles, b.CAFiles) && slices.Equal(a.ClientFiles, b.ClientFiles)
}

// pathBytes are those that stand in a URL's path as they are (RFC 3986), beside letters and digits.
const pathBytes = "/-._~!$&'()*+,;=:@%"

// allow reports whether s has only letters, digits and bytes of others.
func allow(s, others string) bool {
	for i := 0; i < len(s); i++ {
		if !allowed(s[i], others) {
			return false
		}
	}
	return true
}

func allowed(b byte, others string) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte(others, b) >= 0
}

// escapePath gives a path with all escaped that must not stand in one as it is. What is escaped already stays so.
func escapePath(p string) string {
	if allow(p, pathBytes) {
		return p
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if allowed(p[i], pathBytes) {
			b.WriteByte(p[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[p[i]>>4])
		b.WriteByte(hex[p[i]&15])
	}
	return b.String()
}
