package spec

import (
	"slices"
	"strings"
)

func (c *checker) checkMirrors() {
	first := map[string]Position{}
	servers := map[string]string{}
	for _, r := range c.Registries {
		servers[r.Host] = r.Server
	}
	list := (*place)(nil).at("mirrors")
	for i := range c.Mirrors {
		m, p := &c.Mirrors[i], list.nth(i)
		if m.Registry == "" {
			continue
		}
		if m.Registry != AnyRegistry {
			if what, hint := badRegistry(m.Registry); what != "" {
				c.wrong(p.at("registry"), m.Registry, what, hint)
				continue
			}
			c.oldIPv6(p, "registry", m.Registry)
		}
		if at, again := first[m.Registry]; again {
			c.twice(p.at("registry"), m.Registry, at)
			continue
		}
		first[m.Registry] = m.Pos
		if m.Registry == AnyRegistry && m.Endpoints != nil && len(m.Endpoints) == 0 {
			c.report(nil, p.at("endpoints"), "take the entry out", "%s has no endpoints, which says nothing", quote(AnyRegistry))
			continue
		}
		c.checkEndpoints(m, p, servers)
		c.checkFallback(m, p)
	}
	c.checkLoops()
}

func (c *checker) checkEndpoints(m *Mirror, p *place, servers map[string]string) {
	seen := map[string]Position{}
	at := p.at("endpoints").nth(0)
	for i := range m.Endpoints {
		e := &m.Endpoints[i]
		at.index = i
		c.checkTLS(&e.TLS, at)
		c.checkHeader(e.Header, at)
		c.checkLogin(e.Credentials, e.Header, at)
		c.checkCapabilities(e, at)
		if e.URL == "" {
			continue
		}
		a, what, hint := parseURL(e.URL)
		if what != "" {
			c.report(nil, at.at("url"), hint, "%s", what)
			continue
		}
		e.URL = a.String()
		c.checkScheme(a, &e.TLS, at, "url")
		if e.OverridePath == OverrideYes && a.path == "" {
			c.report(nil, at.at("overridePath"), "write the API root, as https://HOST/v2",
				"the URL has no path that could be the API root: containerd would ask /REPOSITORY/manifests")
		}
		same := a.key() + a.path
		if pos, again := seen[same]; again {
			c.twice(at.at("url"), e.URL, pos)
			continue
		}
		seen[same] = e.Pos
		c.checkUpstream(m, a, at, servers)
	}
}

// checkUpstream refuses an endpoint that is the registry itself.
func (c *checker) checkUpstream(m *Mirror, a address, at *place, servers map[string]string) {
	if a.path != "" && a.path != "/v2" {
		return
	}
	host, server := m.Registry, servers[m.Registry]
	if host == "docker.io" && (a.host == "docker.io" || a.host == "index.docker.io" || a.host == "registry-1.docker.io") {
		c.report(nil, at.at("url"), "take it out: the upstream is asked last in any case", "the mirror is docker.io's own registry")
		return
	}
	upstream, what, _ := parseURL(server)
	if server == "" || what != "" {
		upstream = address{a.scheme, host, ""}
	}
	if m.Registry != AnyRegistry && upstream.key() == a.key() && (upstream.path == "" || upstream.path == "/v2") {
		c.report(nil, at.at("url"), "where a registry really is stands in registries, as its server", "the mirror is %s's own upstream", m.Registry)
	}
}

func (c *checker) checkCapabilities(e *Endpoint, at *place) {
	if e.Capabilities != nil && len(e.Capabilities) == 0 {
		c.report(nil, at.at("capabilities"), "take the key out for pull and resolve", "is empty, which containerd takes for all capabilities")
	}
	for i, capability := range e.Capabilities {
		if capability != "" && slices.Index(e.Capabilities, capability) < i {
			c.report(nil, at.at("capabilities").nth(i), "", "%s stands twice", quote(capability))
		}
	}
}

// checkFallback refuses mirrors that no tag could be pulled through: with neither upstream nor an endpoint that may resolve
// containerd says "no resolve hosts" (core/remotes/docker/resolver.go).
func (c *checker) checkFallback(m *Mirror, p *place) {
	if m.Fallback || m.Endpoints == nil || c.partial {
		return
	}
	may := func(e Endpoint) bool {
		return slices.Contains(e.Capabilities, "resolve") && slices.Contains(e.Capabilities, "pull")
	}
	if !slices.ContainsFunc(m.Endpoints, may) {
		hint := "give an endpoint the capabilities pull and resolve"
		if len(m.Endpoints) == 0 {
			hint = "to allow no pulls at all, write blocked: true in registries"
		}
		c.report(nil, p.at("fallback"), hint, "no endpoint may both pull and resolve, so without the upstream every pull of a tag would fail")
	}
}

// checkLoops refuses registries that mirror each other: where the mirrors are pull-through caches a miss would go round for
// ever.
func (c *checker) checkLoops() {
	number := map[string]int{}
	for i, m := range c.Mirrors {
		number[withPort(m.Registry, "443")] = i
	}
	next := func(i, j int) (int, bool) {
		_, host, _ := strings.Cut(c.Mirrors[i].Endpoints[j].URL, "://")
		if strings.Contains(host, "/") {
			return 0, false
		}
		k, ok := number[withPort(host, "443")]
		return k, ok && k != i && c.Mirrors[k].Registry != AnyRegistry
	}
	const (
		fresh = iota
		open
		done
	)
	state := make([]int, len(c.Mirrors))
	var trail []int
	var walk func(i int)
	walk = func(i int) {
		state[i] = open
		trail = append(trail, i)
		for j := range c.Mirrors[i].Endpoints {
			k, ok := next(i, j)
			switch {
			case !ok || state[k] == done:
			case state[k] == open:
				var round []string
				for _, n := range trail[slices.Index(trail, k):] {
					round = append(round, c.Mirrors[n].Registry)
				}
				p := (*place)(nil).at("mirrors").nth(i).at("endpoints").nth(j).at("url")
				c.report(nil, p, "", "the mirrors go round in a circle: %s", strings.Join(append(round, c.Mirrors[k].Registry), " → "))
			default:
				walk(k)
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = done
	}
	for i := range c.Mirrors {
		if state[i] == fresh {
			walk(i)
		}
	}
}
