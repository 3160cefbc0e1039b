package capture

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// stockFile is why MicroK8s' file for docker.io is not taken over.
const stockFile = "MicroK8s' stock file, which says no more than containerd does by itself"

// anyone is a registry that has no directory of its own.
const anyone = "any.invalid"

// registries makes an entry of each registry that certs.d, or the config inline, says something of.
func (c *capturer) registries(ctx context.Context) error {
	hosts := c.known()
	asked := make([]string, len(hosts))
	for i, host := range hosts {
		if asked[i] = host; host == spec.AnyRegistry {
			asked[i] = anyone
		}
	}
	n := c.Probe
	n.Broken = ""
	if !c.effect {
		n.Dirs, n.Inline = c.dirs(), nil // what would be read
	}
	readings, err := probe.Read(ctx, n, asked)
	if err != nil {
		return err
	}
	others := readings
	if !n.Version.Known() {
		n.Version = render.Version{Major: 1, Minor: 7}
		if others, err = probe.Read(ctx, n, asked); err != nil {
			return err
		}
	}
	for i, host := range hosts {
		c.registry(host, readings[i], others[i])
	}
	return nil
}

// known lists the registries of which something is said, in the order of the files.
func (c *capturer) known() []string {
	var hosts []string
	add := func(host string) {
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if c.Probe.Inline != nil && c.effect {
		for _, m := range c.Probe.Inline.Mirrors {
			add(m.Host)
		}
		for _, t := range c.Probe.Inline.TLS {
			add(t.Host)
		}
		return hosts
	}
	for _, dir := range c.dirs() {
		for _, name := range c.Names[dir] {
			host := loader.Host(name)
			if strings.HasPrefix(name, "_") && host != spec.AnyRegistry {
				c.draft.Tail = append(c.draft.Tail, fmt.Sprintf("%s is no registry's; left alone.", path.Join(dir, name)))
				continue
			}
			add(host)
		}
	}
	return hosts
}

// dirs are the directories that containerd looks into; of a config that names none, those that it would.
func (c *capturer) dirs() []string {
	if len(c.Probe.Dirs) > 0 || c.Inputs.Layout.CertsDir == "" {
		return c.Probe.Dirs
	}
	return []string{c.Inputs.Layout.CertsDir}
}

// registry describes one registry, by two readings where the version is not known.
func (c *capturer) registry(host string, r, other probe.Reading) {
	e := c.draft.Entry(host)
	c.place(e, r)
	asks := c.asks(r, host)
	if other.Error != "" && r.Error == "" {
		e.Note("containerd 1.x: %s", other.Error)
	}
	switch hosts, err := c.Read(r.File); {
	case r.Error != "":
		e.Leave("every pull fails: %s", r.Error)
	case err == nil && c.foreign(r.File, hosts) != "":
		tool := c.foreign(r.File, hosts)
		e.Leave("it is %s's, which would write it again. Stop that first and list %s under policy.adoptFrom, or leave the registry to it", tool, tool)
	case !c.effect:
		e.Leave("it is not in effect: containerd's config does not name its directory")
	case r.Ignored || other.Ignored:
		e.Leave("containerd passes over the file, and what it says is not in effect")
	case c.Probe.Inline == nil && r.File == "":
		e.Leave("there is no hosts.toml. containerd reads certificates there by itself, in Docker's way, and goes on to do so; without this mark regsync writes one that names them")
	case r.Drawn || other.Drawn:
		e.Leave("its hosts stand on one line, and containerd 1.x draws their order anew at each request")
	case host == "docker.io" && render.Tool(r.File, hosts) == render.Stock:
		e.Leave(stockFile)
	}
	if theirs := c.asks(other, host); other.Error != r.Error || draft.Differ(asks, theirs) != "" {
		e.Leave("containerd 1.x and 2.x read it differently, and which of them runs is not known: --containerd VERSION says")
	}
	c.draft.Express(e, asks, host == spec.AnyRegistry && len(r.Hosts) > 0 && strings.Contains(r.Hosts[len(r.Hosts)-1].URL, "://"+anyone+"/"))
	c.before[host] = asks
}

// asks gives whom a reading of a registry asks. Inline mirrors are for pulls only, and the registry itself is as it is anywhere else.
func (c *capturer) asks(r probe.Reading, host string) []draft.Ask {
	asks := asksOf(r)
	if last := len(asks) - 1; c.Probe.Inline != nil && c.effect && last >= 0 && slices.Contains([]string{draft.Upstream(host), "http://" + host + "/v2"}, asks[last].URL) {
		asks[last].Caps = draft.AllCaps
	}
	for i := range asks {
		asks[i].Where = c.password(r.File)
	}
	return draft.Distinct(asks, host)
}

// password says where in a file a password of basic authentication stands.
func (c *capturer) password(file string) string {
	data, _ := c.Read(file)
	where, n := file, 0
	for i, line := range strings.Split(strings.ToLower(string(data)), "\n") {
		if strings.Contains(line, "authorization") && strings.Contains(line, "basic ") {
			where, n = fmt.Sprintf("%s:%d", file, i+1), n+1
		}
	}
	if n > 1 {
		where = "an Authorization header of " + file
	}
	return "in " + where + ", behind the user name in base64"
}

// foreign names the tool that wrote a file and writes it again; empty: none does.
func (c *capturer) foreign(name string, data []byte) string {
	tool := render.Tool(name, data)
	if tool == render.Ours || tool == render.Stock || c.Probe.Inline != nil {
		return ""
	}
	return tool
}

// place says where an entry was found, and what there means nothing.
func (c *capturer) place(e *draft.Entry, r probe.Reading) {
	where := r.File
	if where == "" {
		where = r.Directory
	}
	e.Note("%s", where)
	for _, p := range r.PassedOver {
		if strings.Contains(p.Why, "hidden") && !strings.HasSuffix(p.Path, "/_default") {
			e.Note("%s is dead: containerd takes %s", p.Path, path.Base(r.Directory))
		}
	}
	data, _ := c.Read(r.File)
	for _, note := range r.Notes {
		if place := lineOf(data, note); place > 0 {
			e.Note("%s:%d: %s", path.Base(r.File), place, note)
		} else {
			e.Note("%s", note)
		}
	}
}

var named = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:key|host) ("[^"]+")`) })

// lineOf gives the line of a file that a note on one of its keys or hosts is about; 0: not known.
func lineOf(data []byte, note string) int {
	m := named().FindStringSubmatch(note)
	if m == nil {
		return 0
	}
	bare := strings.Trim(m[1], `"`)
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if key, _, _ := strings.Cut(line, "="); strings.Trim(key, ` "'`) == bare || strings.Contains(line, m[1]) {
			return i + 1
		}
	}
	return 0
}

// follow keeps registries from following "*" that did not so far: also docker.io, whose stock directory rendering would have follow.
func (c *capturer) follow() {
	stock := c.find("docker.io")
	star := c.find(spec.AnyRegistry)
	if star != nil && star.Left == "" && stock != nil && stock.Left == stockFile {
		stock.Left, stock.Registry = "", nil
		stock.Note("MicroK8s' stock file: the mirrors of %q do not hold for docker.io", spec.AnyRegistry)
	}
	c.draft.OptOut()
}
