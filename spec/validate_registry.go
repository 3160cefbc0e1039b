package spec

import (
	"net/netip"
	"strings"
)

func (c *checker) checkRegistries() {
	first := map[string]Position{}
	mirrored := map[string]Position{}
	for _, m := range c.Mirrors {
		if len(m.Endpoints) > 0 {
			mirrored[m.Registry] = m.Pos
		}
	}
	list := (*place)(nil).at("registries")
	for i := range c.Registries {
		r, p := &c.Registries[i], list.nth(i)
		if r.Host == "" {
			continue
		}
		if what, hint := badRegistry(r.Host); what != "" {
			c.wrong(p.at("host"), r.Host, what, hint)
			continue
		}
		if at, again := first[r.Host]; again {
			c.twice(p.at("host"), r.Host, at)
			continue
		}
		first[r.Host] = r.Pos
		c.oldIPv6(p, "host", r.Host)
		c.checkServer(r, p)
		if r.Address != "" {
			c.checkAddress(r, p.at("address"))
		}
		c.checkTLS(&r.TLS, p)
		c.checkHeader(r.Header, p)
		c.checkLogin(r.Credentials, r.Header, p)
		if r.Blocked {
			c.checkBlocked(r, p, mirrored)
		}
	}
}

// oldIPv6 warns of registries that containerd 1.6 takes for no valid reference (seen on 1.6.20 and 1.6.36; 1.7 reads them).
func (c *checker) oldIPv6(p *place, key, host string) {
	if strings.HasPrefix(host, "[") {
		c.warn(p.at(key), "give the registry a name", "containerd 1.6 reads no image reference with an IPv6 address; 1.7 does")
	}
}

func (c *checker) checkServer(r *Registry, p *place) {
	if r.Server == "" {
		_, plain := c.insecure[withPort(r.Host, "80")]
		if in := c.insecure[withPort(r.Host, "80")]; plain && !in.SkipVerify() && !in.Only && (r.CA != nil || r.Client != nil) {
			c.report(nil, p, "take the TLS keys out, or the entry under insecure",
				"%s is plain http (%s), which has no TLS", quote(r.Host), in.Pos)
		}
		return
	}
	a, what, hint := parseURL(r.Server)
	if what != "" {
		c.report(nil, p.at("server"), hint, "%s", what)
		return
	}
	r.Server = a.String()
	c.checkScheme(a, &r.TLS, p, "server")
	if r.Host == "docker.io" && (a.host == "docker.io" || a.host == "index.docker.io") {
		c.report(nil, p.at("server"), "write https://registry-1.docker.io, or leave server out",
			"%s is not where Docker Hub's registry is", quote(r.Server))
	}
}

// checkScheme checks that an http endpoint is listed under insecure, and has no TLS: with any TLS key containerd speaks https
// to it first (core/remotes/docker/config/hosts.go; seen on 1.6.36, 1.7.35 and 2.2.9).
func (c *checker) checkScheme(a address, t *TLS, p *place, key string) {
	if a.scheme != "http" {
		if in, ok := c.insecure[a.key()]; ok && in.SkipVerify() && t.CA != nil {
			c.warn(p.at("ca"), "take out either", "the certificate of %s is not verified (%s), so this ca counts for nothing", quote(a.host), in.Pos)
		}
		return
	}
	if in, ok := c.insecure[a.key()]; !ok || in.SkipVerify() {
		host := a.host
		if _, port, _ := splitHost(host); port == "" {
			host += ":80"
		}
		c.report(nil, p.at(key), "list "+host+" under insecure if that is meant", "plain http is not allowed for %s", quote(a.host))
	}
	for _, key := range []struct {
		name  string
		given bool
	}{{"ca", t.CA != nil}, {"client", t.Client != nil}} {
		if key.given {
			c.report(nil, p.at(key.name), "write https://, or take "+key.name+" out", "plain http has no TLS")
		}
	}
}

func (c *checker) checkAddress(r *Registry, p *place) {
	a, err := netip.ParseAddr(r.Address)
	name, _, _ := splitHost(r.Host)
	switch {
	case err != nil || a.Zone() != "":
		c.wrong(p, r.Address, "is not an IP address", "")
	case isAddress(name):
		c.report(nil, p, "leave address out", "%s is an address already, and /etc/hosts names none", quote(r.Host))
	case name == "localhost":
		c.report(nil, p, "", "localhost is this node and cannot be elsewhere")
	}
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func (c *checker) checkTLS(t *TLS, p *place) {
	for i, ca := range t.CA {
		at := p.at("ca").nth(i)
		if inline(ca) {
			if _, err := CheckPEM("ca", []byte(ca)); err != nil {
				c.report(nil, at, "", "%s", err)
			}
			continue
		}
		c.checkPath(at, ca)
	}
	if t.Client != nil {
		c.checkPath(p.at("client").at("cert"), t.Client.Cert)
		c.checkPath(p.at("client").at("key"), t.Client.Key)
	}
}

// checkPath refuses what cannot be written to a TOML file as it is.
func (c *checker) checkPath(p *place, path string) {
	switch {
	case path == "":
	case strings.Contains(path, "://"):
		c.report(nil, p, "", "%s is a URL and should be a path", quote(path))
	case strings.ContainsAny(path, "\"\\\r\n"):
		c.report(nil, p, "", "%s has a quote, a backslash or a line break in it", quote(path))
	}
}

func (c *checker) checkHeader(header map[string][]string, p *place) {
	for name, values := range header {
		at := func() *place { return p.at("header").at(name) } // nearly never asked
		if !token().MatchString(name) {
			c.wrong(at(), name, "is not the name of an HTTP header", "")
		}
		if len(values) == 0 {
			c.report(nil, at(), "", "has no value")
		}
		for i, v := range values {
			if !headerValue().MatchString(v) {
				c.report(nil, at().nth(i), "", "has a quote, a backslash, a blank at an end or a character that is not ASCII")
			}
		}
	}
}

var (
	token       = pattern("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110, 5.6.2
	headerValue = pattern(`^[!#-\[\]-~]([ !#-\[\]-~]*[!#-\[\]-~])?$`)
)

func (c *checker) checkBlocked(r *Registry, p *place, mirrored map[string]Position) {
	for _, key := range []struct {
		name  string
		given bool
	}{
		{"server", r.Server != ""},
		{"ca", r.CA != nil},
		{"client", r.Client != nil},
		{"credentials", r.Credentials != ""},
		{"header", r.Header != nil},
		{"dialTimeout", r.DialTimeout != 0},
	} {
		if key.given {
			c.report(nil, p.at(key.name), "take out either", "stands beside blocked: true, and nothing is asked of a blocked registry")
		}
	}
	if at, ok := mirrored[r.Host]; ok {
		c.report(nil, p.at("blocked"), "take out either", "%s is blocked and has mirrors at %s", quote(r.Host), at)
	}
}
