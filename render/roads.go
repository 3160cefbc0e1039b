package render

import (
	"slices"
	"strconv"
	"strings"

	"github.com/regsync/regsync/spec"
)

// Roads works out the road of every registry that needs one, sorted by host. These are the registries that the spec names, as a
// registry, by its mirrors or as insecure; "*"; and those that must be named so that they go on as they do, or follow "*":
// what containerd's config serves inline, and MicroK8s' stock directory of docker.io.
func Roads(s *spec.Spec, in Inputs) (roads []Road, warnings, problems []*spec.Problem) {
	config, _ := ParseConfig(in.Config) // whether it can be edited is for the one to say who edits it
	return roadsOf(s, in, config)
}

func roadsOf(s *spec.Spec, in Inputs, config RegistryConfig) (roads []Road, warnings, problems []*spec.Problem) {
	c := newChart(s, in, config)
	for i := range s.Registries {
		c.registry(&s.Registries[i], i)
	}
	for i := range s.Mirrors {
		c.mirrored(&s.Mirrors[i])
	}
	for _, entry := range s.Insecure {
		c.insecure(entry)
	}
	if len(c.roads) > 0 && in.Layout.Runtime != NoRuntime && in.ReadsCertsD() {
		c.carry()
		c.adopt()
	}
	if len(c.roads) == 0 {
		return nil, nil, c.problems
	}
	slices.SortStableFunc(c.roads, func(a, b Road) int { return strings.Compare(a.Host, b.Host) })
	return c.roads, c.warnings, c.problems
}

// chart is what is known while roads are laid.
type chart struct {
	spec   *spec.Spec
	in     Inputs
	config RegistryConfig
	legacy legacy // of config; empty where it holds no tables

	mirrors map[string]*spec.Mirror
	index   map[*spec.Mirror]int
	plain   map[string]bool // host[:port] under insecure as plain http
	skip    map[string]bool // the same as TLS that is not verified, without :443
	any     *lane           // what holds for "*"; nil: nothing

	done     map[string]bool // hosts that have their road
	roads    []Road
	warnings []*spec.Problem
	problems []*spec.Problem
}

// lane is what a mirrors entry gives: endpoints, and whether the upstream comes after them.
type lane struct {
	endpoints []Endpoint
	fallback  bool
}

func newChart(s *spec.Spec, in Inputs, config RegistryConfig) *chart {
	c := &chart{
		spec: s, in: in, config: config,
		mirrors: make(map[string]*spec.Mirror, len(s.Mirrors)),
		index:   make(map[*spec.Mirror]int, len(s.Mirrors)),
		plain:   map[string]bool{},
		skip:    map[string]bool{},
		done:    make(map[string]bool, len(s.Registries)+len(s.Mirrors)+len(s.Insecure)),
	}
	for i := range s.Mirrors {
		c.mirrors[s.Mirrors[i].Registry] = &s.Mirrors[i]
		c.index[&s.Mirrors[i]] = i
	}
	for _, entry := range s.Insecure {
		switch {
		case entry.CIDR():
		case entry.SkipVerify():
			c.skip[strings.TrimSuffix(entry.Host(), ":443")] = true
		default:
			c.plain[entry.Host()] = true
		}
	}
	if m := c.mirrors[spec.AnyRegistry]; m != nil {
		if l := c.lane(m); len(l.endpoints) > 0 {
			c.any = &l
		}
	}
	if in.ReadsCertsD() {
		c.legacy = newLegacy(config)
	}
	if c.any == nil && c.mirrors[spec.AnyRegistry] == nil {
		c.any = c.legacyAny()
	}
	return c
}

// registry lays the road of an entry of registries.
func (c *chart) registry(r *spec.Registry, i int) {
	c.done[r.Host] = true
	m := c.mirrors[r.Host]
	at := place{i: i, pos: r.Pos}
	switch {
	case r.Blocked:
		u := Endpoint{URL: "https://" + r.Host, Capabilities: []string{"push"}}
		if r.Host == dockerHub {
			u.URL = dockerHubServer
		}
		c.add(Road{Host: r.Host, Server: &u, Blocked: true, From: r.Pos, Why: r.Host + " is blocked"})
	case m != nil:
		c.own(m, c.upstream(r.Host, r, at))
	default:
		c.follow(r.Host, c.upstream(r.Host, r, at), r.Pos, "registry "+r.Host)
	}
}

// mirrored lays the road of an entry of mirrors whose registry has no entry of its own.
func (c *chart) mirrored(m *spec.Mirror) {
	if c.done[m.Registry] {
		return
	}
	c.done[m.Registry] = true
	if m.Registry != spec.AnyRegistry {
		c.own(m, c.upstream(m.Registry, nil, place{pos: m.Pos}))
		return
	}
	if c.any == nil {
		return
	}
	r := Road{Host: spec.AnyRegistry, Mirrors: c.any.endpoints, From: m.Pos, Why: "mirrors of every registry"}
	if !c.any.fallback {
		r.Mirrors, r.Server = split(r.Mirrors)
	}
	c.add(r)
}

// insecure lays the road of a registry that is only known to be insecure.
func (c *chart) insecure(entry spec.Insecure) {
	host := entry.Host()
	if entry.CIDR() || c.done[host] {
		return
	}
	c.done[host] = true
	why := "insecure registry " + host
	c.follow(host, c.upstream(host, nil, place{pos: entry.Pos}), entry.Pos, why)
}

// own lays the road of a registry that has mirrors of its own.
func (c *chart) own(m *spec.Mirror, up Endpoint) {
	l := c.lane(m)
	r := Road{Host: m.Registry, From: m.Pos, Why: "mirrors of " + m.Registry}
	if len(l.endpoints) == 0 {
		r.Why = m.Registry + " without mirrors"
	}
	r.Mirrors, r.Server = line(l.endpoints, up, l.fallback)
	c.add(r)
}

// follow lays the road of a registry without mirrors of its own: it follows "*", but for endpoints that are the registry itself.
func (c *chart) follow(host string, up Endpoint, from spec.Position, why string) {
	r := Road{Host: host, Server: &up, From: from, Why: why}
	if c.any == nil {
		c.add(r)
		return
	}
	itself := func(e Endpoint) bool {
		a := e.Authority()
		return a == host || !e.Plain() && strings.TrimSuffix(a, ":443") == host || e.API() == up.API()
	}
	r.Mirrors = c.any.endpoints
	needed := c.any.fallback
	if slices.ContainsFunc(r.Mirrors, itself) {
		r.Mirrors = slices.DeleteFunc(slices.Clone(r.Mirrors), itself)
		needed = true
	}
	if !needed {
		r.Mirrors, r.Server = split(r.Mirrors)
	}
	c.add(r)
}

// lane gives the endpoints of an entry of mirrors.
func (c *chart) lane(m *spec.Mirror) lane {
	l := lane{fallback: m.Fallback, endpoints: make([]Endpoint, 0, len(m.Endpoints))}
	for j := range m.Endpoints {
		at := place{mirror: true, i: c.index[m], j: j, pos: m.Endpoints[j].Pos}
		e := c.mirror(&m.Endpoints[j], at)
		// Two tables of one name would make containerd ignore the file.
		if slices.ContainsFunc(l.endpoints, func(o Endpoint) bool { return o.URL == e.URL }) {
			c.warn(at.pos, at.path("url"), quote(e.URL)+" is named twice; the first one counts", "")
			continue
		}
		l.endpoints = append(l.endpoints, e)
	}
	return l
}

func (c *chart) add(r Road) { c.roads = append(c.roads, r) }

func (c *chart) warn(pos spec.Position, path, message, hint string) {
	c.warnings = append(c.warnings, &spec.Problem{Position: pos, Path: path, Message: message, Hint: hint})
}

func (c *chart) refuse(pos spec.Position, path, message, hint string) {
	c.problems = append(c.problems, &spec.Problem{Position: pos, Path: path, Message: message, Hint: hint})
}

// line puts a registry's own mirrors and its upstream in the order in which they are asked, and takes the last as the server.
// The upstream is not asked again where a mirror is the upstream.
func line(mirrors []Endpoint, up Endpoint, fallback bool) ([]Endpoint, *Endpoint) {
	asks := make([]Endpoint, 0, len(mirrors)+1)
	needed := fallback || len(mirrors) == 0
	for _, e := range mirrors {
		if bare(e) && e.API() == up.API() {
			// The registry under its own name: what it takes to reach it stands at its own entry.
			capabilities := e.Capabilities
			e = up
			e.Capabilities = capabilities
		}
		if same(e, up) && e.may("pull") && e.may("resolve") {
			needed = false
		}
		asks = append(asks, e)
	}
	if needed {
		asks = append(asks, up)
	}
	return split(asks)
}

// split takes the last endpoint as the server: containerd always asks one last, and without a word of ours that is the upstream.
func split(asks []Endpoint) ([]Endpoint, *Endpoint) {
	last := len(asks) - 1
	return asks[:last:last], &asks[last]
}

func quote(s string) string { return strconv.QuoteToASCII(s) }

func itoa(i int) string { return strconv.Itoa(i) }
