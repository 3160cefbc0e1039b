package spec

import (
	"net/url"
	"strings"
)

// address is a URL of an endpoint, taken apart.
type address struct {
	scheme string // http or https
	host   string // host or host:port, as written
	path   string // without a closing slash
}

func (a address) String() string { return a.scheme + "://" + a.host + a.path }

// port is the port for comparisons where none is written.
func (a address) key() string {
	if a.scheme == "http" {
		return withPort(a.host, "80")
	}
	return withPort(a.host, "443")
}

var schemes = []string{"http", "https"}

// urlPath is what containerd and a registry can be trusted to read alike.
var urlPath = pattern(`^(/[A-Za-z0-9._~:@!$&'()*+,;=%-]+)*$`)

// parseURL reads the URL of an endpoint. It is strict: containerd drops a user, a query and a fragment without a word, and
// takes a scheme that it does not know for a host. What is wrong is said without the URL, which may hold a password.
func parseURL(s string) (a address, what, hint string) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		if host := strings.TrimRight(s, "/"); !strings.ContainsAny(s, " @") {
			hint = "did you mean https://" + host + " or http://" + host + "?"
		}
		return a, "has no scheme", hint
	}
	if scheme != "http" && scheme != "https" {
		if near := nearest(scheme, schemes); near != "" && !strings.Contains(rest, "@") {
			hint = "did you mean " + near + "://" + rest + "?"
		}
		return a, "scheme " + quote(scheme) + " is not http or https", hint
	}
	u, err := url.Parse(s)
	switch {
	case strings.Contains(rest, "@") && !strings.Contains(strings.SplitN(rest, "@", 2)[0], "/"):
		return a, "holds a user or password", "name an entry of credentials instead"
	case strings.ContainsAny(s, " \t\"<>\\^`{|}"):
		return a, "has a character in it that no URL has", ""
	case strings.Contains(s, "?"):
		return a, "has a query, which registries do not have", ""
	case strings.Contains(s, "#"):
		return a, "has a fragment, which registries do not have", ""
	case err != nil || u.Opaque != "":
		host, _, _ := strings.Cut(rest, "/")
		if what, hint := badHost(host); what != "" {
			return a, what, hint
		}
		return a, "is not a URL", ""
	case u.Host == "":
		return a, "has no host", ""
	}
	if what, hint := badHost(u.Host); what != "" {
		return a, what, hint
	}
	written := strings.TrimRight(strings.TrimPrefix(rest, u.Host), "/")
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == ".." || part == "." {
			return a, "has " + quote(part) + " in its path", ""
		}
	}
	if !urlPath().MatchString(written) {
		return a, "has an empty part or an unusual character in its path", ""
	}
	return address{scheme, u.Host, written}, "", ""
}
