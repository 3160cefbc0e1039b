package render

import (
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// legacy is what the inline registry tables of containerd's config say. They and config_path exclude each other, so what they
// serve has to move into certs.d. How they are read: registryHosts in pkg/cri/server/image_pull.go of containerd 1.7.
type inlined struct {
	mirrors map[string][]string
	tls     map[string]InlineTLS
	hosts   []string        // all that are named, but "*"
	said    map[string]bool // files that were warned of
}

func newLegacy(config RegistryConfig) inlined {
	var l inlined
	if config.State == ConfigOnePath || config.State == ConfigColonList {
		return l
	}
	l.mirrors = make(map[string][]string, len(config.Mirrors))
	l.tls = make(map[string]InlineTLS, len(config.TLS))
	l.said = map[string]bool{}
	for _, m := range config.Mirrors {
		if m.Host != spec.AnyRegistry {
			l.hosts = append(l.hosts, m.Host)
		}
		l.mirrors[m.Host] = m.Endpoints
	}
	for _, t := range config.TLS {
		if _, ok := l.mirrors[t.Host]; !ok {
			l.hosts = append(l.hosts, t.Host)
		}
		l.tls[t.Host] = t
	}
	return l
}

// legacyAny gives what the config's own "*" stands for, nil where it has none.
func (c *chart) legacyAny() *lane {
	urls := c.legacy.mirrors[spec.AnyRegistry]
	if len(urls) == 0 || c.dropped(spec.AnyRegistry) {
		return nil
	}
	return &lane{endpoints: c.inline(urls), fallback: true}
}

// carry lays the roads of what the config serves inline and the spec does not name.
func (c *chart) carry() {
	from := spec.Position{File: c.in.Layout.ConfigFile}
	name := path.Base(c.in.Layout.ConfigFile)
	if c.any != nil && c.mirrors[spec.AnyRegistry] == nil {
		c.add(Road{Host: spec.AnyRegistry, Mirrors: c.any.endpoints, From: from, Why: "mirrors of every registry, from " + name})
	}
	for _, host := range c.legacy.hosts {
		if c.done[host] || c.dropped(host) {
			continue
		}
		c.done[host] = true
		up := c.endpoint(defaultURL(host))
		up.Capabilities, up.Upstream = upstreamCapabilities, true
		urls, ok := c.legacy.mirrors[host]
		if !ok {
			c.follow(host, up, from, host+", from "+name)
			continue
		}
		r := Road{Host: host, From: from, Why: "mirrors of " + host + ", from " + name}
		mirrors := c.inline(urls)
		// The upstream is asked where the list has it, and only there.
		listed := slices.ContainsFunc(mirrors, func(e Endpoint) bool { return e.Authority() == host })
		r.Mirrors, r.Server = line(mirrors, up, !listed)
		c.add(r)
	}
}

// dropped reports whether an inline entry goes because certs.d has a directory for its registry. With both in the config
// nothing was in effect, for containerd's CRI does not start; with the inline tables alone it was they that counted.
func (c *chart) dropped(host string) bool {
	if c.config.State != ConfigBoth {
		return false
	}
	name, _ := directory(host, c.in.Dirs)
	if _, ok := c.in.Dirs[name]; !ok {
		return false
	}
	what := "TLS settings"
	if urls, ok := c.legacy.mirrors[host]; ok {
		what = "mirrors " + strings.Join(urls, ", ")
	}
	c.warn(spec.Position{File: c.in.Layout.ConfigFile}, "",
		"the inline "+what+" of "+quote(host)+" end: "+quote(path.Join(c.in.Layout.CertsDir, name))+" counts, which stood beside them", "")
	return true
}

// inline gives the endpoints of an inline mirror.
func (c *chart) inline(urls []string) []Endpoint {
	all := make([]Endpoint, 0, len(urls)+1)
	for _, url := range urls {
		e := c.endpoint(url)
		if !c.writable(&e) {
			c.warn(spec.Position{File: c.in.Layout.ConfigFile}, "",
				"the mirror "+quote(url)+" is left out: "+unwritable, "give the address a name under etcHosts, and a mirrors entry")
			continue
		}
		if !slices.ContainsFunc(all, func(o Endpoint) bool { return o.URL == e.URL }) {
			all = append(all, e)
		}
	}
	return all
}

// endpoint gives the endpoint that an inline URL means: its path, where it has one, is the API root.
func (c *chart) endpoint(url string) Endpoint {
	if !strings.Contains(url, "://") {
		url = defaultURL(url)
	}
	e := Endpoint{URL: location(url), Capabilities: mirrorCapabilities}
	_, rest, _ := strings.Cut(url, "://")
	e.Root = strings.Contains(rest, "/")
	t, ok := c.legacy.tls[e.Authority()]
	if !ok || e.Plain() {
		return e
	}
	e.SkipVerify = t.SkipVerify
	if file := c.expand(t.CAFile, t.Host); file != "" {
		e.CAFiles = []string{file}
	}
	cert, key := c.expand(t.CertFile, t.Host), c.expand(t.KeyFile, t.Host)
	if cert != "" && key != "" {
		e.ClientFiles = [][2]string{{cert, key}}
	}
	return e
}

// expand gives the path of a file as hosts.toml can name it: MicroK8s expands ${SNAP_DATA} in its template, nobody does in hosts.toml.
func (c *chart) expand(file, host string) string {
	file = expandSnap(file, c.in)
	if file == "" {
		return ""
	}
	if !path.IsAbs(file) || strings.Contains(file, "${") {
		if c.legacy.said[file] {
			return ""
		}
		c.legacy.said[file] = true
		c.warn(spec.Position{File: c.in.Layout.ConfigFile}, "",
			"the TLS file "+quote(file)+" of "+quote(host)+" is left out: it is no absolute path", "name the file under registries in the spec")
		return ""
	}
	return file
}

// defaultURL gives the URL of a host that is named without a scheme.
func defaultURL(host string) string {
	switch name := strings.ToLower(hostname(host)); {
	case host == dockerHub:
		return dockerHubServer
	case name == "localhost", strings.HasPrefix(name, "127."), name == "::1":
		return "http://" + host
	}
	return "https://" + host
}

// hostname is host without its port, and without brackets.
func hostname(host string) string {
	host, _, _ = strings.Cut(host, "/")
	if rest, ok := strings.CutPrefix(host, "["); ok {
		name, _, _ := strings.Cut(rest, "]")
		return name
	}
	name, _, _ := strings.Cut(host, ":")
	return name
}
