package render

import (
	"strings"

	"github.com/regsync/regsync/spec"
)

// Road is the way of one registry's pulls. It is worked out once from the spec, and written by target:
// as certs.d/HOST/hosts.toml, or inline into the config of a containerd that does not read certs.d.
type Road struct {
	Host    string     // as in image references, or "*"
	Mirrors []Endpoint // asked first, in order
	Server  *Endpoint  // asked last; nil: the registry itself as containerd takes it without our word (only for "*")
	Blocked bool       // nothing is pulled from here

	From spec.Position
	Why  string
}

// Asks lists whom containerd asks on this road, in order. Of a road without a Server the registry itself comes after them.
func (r *Road) Asks() []Endpoint {
	n := len(r.Mirrors)
	switch {
	case r.Server == nil:
		return r.Mirrors
	case cap(r.Mirrors) > n && &r.Mirrors[:n+1][n] == r.Server: // as split leaves it
		return r.Mirrors[: n+1 : n+1]
	}
	return append(r.Mirrors[:n:n], *r.Server)
}

// Endpoint is one place that containerd asks.
type Endpoint struct {
	URL          string              // scheme://host[:port][/path], no closing slash
	Root         bool                // the path is the API root as it stands: containerd must not add /v2
	Capabilities []string            // of pull, resolve, push
	CA           [][]byte            // PEM
	Cert, Key    []byte              // PEM; nil: none
	SkipVerify   bool                // TLS that is not verified
	Header       map[string][]string // sent with every request
	DialTimeout  spec.Duration       // 0: containerd's own
	Upstream     bool                // the registry itself, not a mirror of it

	// Credential is the name of the one that Header holds as Authorization; empty: none. Unknown says why that is not known now: nothing
	// can be written then that names the endpoint.
	Credential string
	Unknown    *spec.Problem

	// Certificates that stand on the node already: absolute paths, or names in the registry's own directory.
	CAFiles     []string
	ClientFiles [][2]string // certificate and key

	caFrom     []string  // where on the node each of CA was read; empty: not on the node
	clientFrom [2]string // the same of Cert and Key
}

// API is the root of the registry API as containerd asks it: what comes before /REPOSITORY/manifests/….
func (e Endpoint) API() string {
	if e.complete() {
		return e.URL
	}
	return e.URL + "/v2"
}

// complete reports whether the URL is the API root as it stands. (The host of https://v2 is no path.)
func (e *Endpoint) complete() bool {
	return e.Root || strings.HasSuffix(e.URL, "/v2") && !strings.HasSuffix(e.URL, "//v2")
}

// overrides reports whether containerd has to be kept from adding /v2.
func (e *Endpoint) overrides() bool {
	return e.Root && (!strings.HasSuffix(e.URL, "/v2") || strings.HasSuffix(e.URL, "//v2"))
}

// sameAPI reports whether two endpoints have one API root. It is API without the strings.
func sameAPI(a, b *Endpoint) bool {
	if a.complete() == b.complete() {
		return a.URL == b.URL
	}
	if a.complete() {
		a, b = b, a
	}
	root, ok := strings.CutSuffix(b.URL, "/v2")
	return ok && root == a.URL
}

// Plain reports whether the endpoint is spoken to without TLS.
func (e Endpoint) Plain() bool { return strings.HasPrefix(e.URL, "http://") }

// Authority is the host, or host:port, of the URL.
func (e Endpoint) Authority() string {
	_, rest, _ := strings.Cut(e.URL, "://")
	authority, _, _ := strings.Cut(rest, "/")
	return authority
}

// path is the path of the URL, with its slash.
func (e Endpoint) path() string {
	_, rest, _ := strings.Cut(e.URL, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

// may reports whether the endpoint has a capability.
func (e Endpoint) may(capability string) bool {
	for _, c := range e.Capabilities {
		if c == capability {
			return true
		}
	}
	return false
}
