package render

import (
	"slices"
	"strconv"
	"strings"

	"github.com/regsync/regsync/spec"
)

// Roads works out the road of every registry that needs one, in the order of the spec. These are the registries that the spec names, as a
// registry, by its mirrors or as insecure; "*"; and those that must be named so that they go on as they do, or follow "*":
// what containerd's config serves inline, and MicroK8s' stock directory of docker.io.
func Roads(s *spec.Spec, in Inputs) (roads []Road, warnings, problems []*spec.Problem) {
	config, _ := Effective(in.Layout.ConfigFile, in.Config, in.Imports, in.Containerd) // whether it can be edited is for the one to say who edits it
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
	if len(c.roads) > 0 && in.Layout.Runtime != NoRuntime && c.certsD {
		c.carry()
		c.adopt()
	}
	if len(c.roads) == 0 {
		return nil, nil, c.problems
	}
	return c.roads, c.warnings, c.problems
}

// chart is what is known while roads are laid.
type chart struct {
	in     Inputs
	config RegistryConfig
	legacy inlined // of config; empty where it holds no tables
	certsD bool    // roads are written to certs.d, not inline

	mirrors map[string]*spec.Mirror
	index   map[*spec.Mirror]int
	beside  map[string]bool // files that stand beside the spec, not on the node
	plain   map[string]bool // registries under insecure as plain http, without :80
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
	n := len(s.Registries) + len(s.Mirrors) + len(s.Insecure)
	c := &chart{
		roads: make([]Road, 0, n),
		in:    in, config: config, certsD: UsesCertsD(in),
		mirrors: make(map[string]*spec.Mirror, len(s.Mirrors)),
		index:   make(map[*spec.Mirror]int, len(s.Mirrors)),
		beside:  s.Beside,
		plain:   map[string]bool{},
		skip:    map[string]bool{},
		done:    make(map[string]bool, n),
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
		case !entry.Only:
			c.plain[strings.TrimSuffix(entry.Host(), ":80")] = true
		}
	}
	if m := c.mirrors[spec.AnyRegistry]; m != nil {
		if l := c.lane(m); len(l.endpoints) > 0 {
			c.any = &l
		}
	}
	if c.certsD {
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
	if entry.CIDR() || entry.Only || c.done[host] {
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
		return a == host || !e.Plain() && strings.TrimSuffix(a, ":443") == host || sameAPI(&e, &up)
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
	l := lane{fallback: m.Fallback, endpoints: make([]Endpoint, 0, len(m.Endpoints)+1)}
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

func (c *chart) add(r Road) {
	for i := range r.Mirrors {
		if e := &r.Mirrors[i]; c.certsD && !c.writable(e) {
			c.refuse(r.From, "", quote(e.URL)+" cannot be a mirror: "+unwritable, "give the address a name under etcHosts, and use that")
		}
	}
	if c.certsD && c.in.Containerd.Before(1, 6) {
		for _, e := range r.Asks() {
			if e.overrides() {
				c.warn(r.From, "", quote(e.URL)+" is asked as "+quote(e.URL+"/v2")+": containerd "+c.in.Containerd.String()+" does not know override_path", "")
			}
		}
	}
	c.roads = append(c.roads, r)
}

// writable reports whether an endpoint can be the name of a table. The TOML parser of containerd 1.x ends a table's name at the first
// bracket, quoted or not, and takes escapes in it as they stand (go-toml 1.9.5, lexInsideTableKey and parseKey).
func (c *chart) writable(e *Endpoint) bool {
	return c.in.Containerd.Known() && !c.in.Containerd.Before(2, 0) || allow(e.Authority(), pathBytes)
}

const unwritable = "containerd 1.x cannot read a table of hosts.toml that is named by an IPv6 address, or by what is not ASCII"

func (c *chart) warn(pos spec.Position, path, message, hint string) {
	c.warnings = append(c.warnings, &spec.Problem{Position: pos, Path: path, Message: message, Hint: hint})
}

func (c *chart) refuse(pos spec.Position, path, message, hint string) {
	c.problems = append(c.problems, &spec.Problem{Position: pos, Path: path, Message: message, Hint: hint})
}

// line adds a registry's upstream to its own mirrors, as the spec has it, and takes the last one asked as the server.
// The upstream is not asked again where a mirror is the upstream. line changes what is in asks.
func line(asks []Endpoint, up Endpoint, fallback bool) ([]Endpoint, *Endpoint) {
	needed := fallback || len(asks) == 0
	for i := range asks {
		e := &asks[i]
		if !sameAPI(e, &up) {
			continue
		}
		if bare(e) {
			// The registry under its own name: what it takes to reach it stands at its own entry.
			capabilities := e.Capabilities
			*e = up
			e.Capabilities = capabilities
		}
		if same(e, &up) {
			e.Upstream = true
			needed = needed && !(e.may("pull") && e.may("resolve"))
		}
	}
	if needed {
		asks = append(asks, up)
	}
	return split(asks)
}

// split takes the last endpoint as the server: containerd always asks one last, and without a word of ours that is the upstream.
func split(asks []Endpoint) ([]Endpoint, *Endpoint) {
	last := len(asks) - 1
	return asks[:last], &asks[last]
}

func quote(s string) string { return strconv.QuoteToASCII(s) }

func itoa(i int) string { return strconv.Itoa(i) }
