package doctor

import (
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

// site is a directory of certs.d whose hosts.toml was read.
type site struct {
	Directory
	document
	hosts    []host
	registry string // * of _default
	secret   bool   // nothing of the file may be shown
	tool     string // whose it is
}

// host is a [host."NAME"], or the server.
type host struct {
	name   string
	line   int
	server bool
	keys   map[string]entry
}

func newSite(d Directory) site {
	s := site{
		Directory: d, registry: loader.Host(d.Name), document: readTOML(d.Hosts.Data),
		secret: render.Confides(render.HostsTOML, d.Hosts.Data), tool: render.Tool(d.Hosts.Path, d.Hosts.Data),
	}
	for _, e := range s.entries {
		switch {
		case slices.Equal(e.path, []string{"server"}):
			s.hosts = append(s.hosts, host{name: e.value, line: e.line, server: true, keys: s.keysOf()})
		case len(e.path) >= 2 && e.path[0] == "host" && !slices.ContainsFunc(s.hosts, func(h host) bool { return !h.server && h.name == e.path[1] }):
			s.hosts = append(s.hosts, host{name: e.path[1], line: e.line, keys: s.keysOf("host", e.path[1])})
		}
	}
	return s
}

// keysOf gives the keys of a table, by their names.
func (s site) keysOf(table ...string) map[string]entry {
	keys := map[string]entry{}
	for _, e := range s.entries {
		if n := len(table); len(e.path) > n && slices.Equal(e.path[:n], table) && e.path[n] != "host" && e.path[n] != "server" {
			if _, ok := keys[e.path[n]]; !ok {
				keys[e.path[n]] = e
			}
		}
	}
	return keys
}

// tlsKey gives the first of a host's keys that is about TLS.
func (h host) tlsKey() (entry, bool) {
	var first entry
	for _, name := range []string{"ca", "client", "skip_verify"} {
		if e, ok := h.keys[name]; ok && (first.line == 0 || e.line < first.line) {
			first = e
		}
	}
	return first, first.line > 0
}

// plain reports whether a host is named as plain http.
func (h host) plain() bool { return strings.HasPrefix(h.name, "http://") }

// shown is the host's name without what may be a credential.
func (h host) shown() string { return shown(h.name) }

func shown(name string) string {
	u, err := url.Parse(name)
	if err != nil {
		before, after, ok := strings.Cut(name, "@")
		if ok {
			return "…@" + after
		}
		return before
	}
	if u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		return name
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// ours reports whether regsync has written the file: then it is as the spec wants it.
func (s site) ours() bool { return s.tool == render.Ours }

// file is where the hosts.toml stands.
func (s site) file() string { return path.Join(s.Path, render.HostsTOML) }

// pulls names the pulls that the directory is for.
func (s site) pulls() string {
	if s.registry == "*" {
		return "each pull that comes to " + s.Path
	}
	return "each pull of " + s.registry
}

// judged reports whether one of the majors that count has this to say.
func (s site) judged(what func(probe.Judged) bool) bool { return slices.ContainsFunc(s.Judged, what) }

// ignored reports whether a containerd that counts does not read the file at all.
func (s site) ignored() bool { return s.judged(probe.Judged.Ignored) }

// each asks a rule about every hosts.toml.
func each(check func(*Facts, site) []Finding) func(*Facts) []Finding {
	return func(f *Facts) []Finding {
		var all []Finding
		for _, s := range f.sites {
			all = append(all, check(f, s)...)
		}
		return all
	}
}

// eachHost asks a rule about every host of every hosts.toml.
func eachHost(check func(*Facts, site, host) []Finding) func(*Facts) []Finding {
	return each(func(f *Facts, s site) []Finding {
		var all []Finding
		for _, h := range s.hosts {
			all = append(all, check(f, s, h)...)
		}
		return all
	})
}

// eachDirectory asks a rule about everything that is in certs.d.
func eachDirectory(check func(*Facts, Directory) []Finding) func(*Facts) []Finding {
	return func(f *Facts) []Finding {
		var all []Finding
		for _, d := range f.Directories {
			all = append(all, check(f, d)...)
		}
		return all
	}
}

// one is a single finding, as a list.
func one(f Finding) []Finding { return []Finding{f} }

// sorted gives the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
