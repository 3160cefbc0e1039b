package capture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// daemon is what of daemon.json is about registries.
type daemon struct {
	Insecure []string `json:"insecure-registries"`
	Mirrors  []string `json:"registry-mirrors"`
}

// docker adds what Docker alone knows. A registry that is insecure for Docker may be asked as an endpoint, and gets no hosts.toml by it.
func (c *capturer) docker() {
	file := c.Inputs.Layout.DaemonJSON
	if file == "" || c.DaemonJSON == nil {
		return
	}
	var d daemon
	if err := json.Unmarshal(c.DaemonJSON, &d); err != nil {
		c.tail("%s: dockerd does not start with it: %v.", file, err)
		return
	}
	note := []string{file + ", insecure-registries"}
	for _, value := range d.Insecure {
		_, err := netip.ParsePrefix(value)
		in := spec.Insecure{Value: value, Only: err != nil && c.containerd()}
		c.draft.Insecure = append(c.draft.Insecure, draft.Noted[spec.Insecure]{Value: in, Notes: note})
		note = nil
	}
	if len(d.Mirrors) == 0 {
		return
	}
	if c.containerd() {
		if e := c.find("docker.io"); e == nil || e.Mirror == nil || e.Left != "" {
			c.tail("%s: registry-mirrors are Docker's alone (%s), and mirrors here would be containerd's too. They stay as they are.", file, strings.Join(d.Mirrors, ", "))
		}
		return
	}
	e := c.draft.Entry("docker.io")
	e.Note("%s, registry-mirrors", file)
	e.Mirror = &spec.Mirror{Registry: "docker.io", Fallback: true}
	for _, m := range d.Mirrors {
		m = strings.TrimRight(m, "/")
		e.Mirror.Endpoints = append(e.Mirror.Endpoints, spec.Endpoint{URL: m})
		if host, ok := strings.CutPrefix(m, "http://"); ok {
			e.Allow(spec.Insecure{Value: host, Only: true})
		}
	}
}

// containerd reports whether the node has a containerd that pulls, and not Docker alone.
func (c *capturer) containerd() bool { return c.Inputs.Layout.Runtime != render.NoRuntime }

// find gives the entry of a registry, nil where there is none.
func (c *capturer) find(host string) *draft.Entry {
	i := slices.IndexFunc(c.draft.Entries, func(e *draft.Entry) bool { return e.Host == host })
	if i < 0 {
		return nil
	}
	return c.draft.Entries[i]
}

func (c *capturer) tail(format string, args ...any) {
	c.draft.Tail = append(c.draft.Tail, fmt.Sprintf(format, args...))
}

// hosts adds the lines of the hosts file that decide where an endpoint is: those of names that are a registry or that one is asked under.
func (c *capturer) hosts() {
	file := c.Inputs.Layout.HostsFile
	used := c.names()
	given := map[string]netip.Addr{}
	for i, line := range bytes.Split(c.HostsFile, []byte("\n")) {
		text, _, _ := strings.Cut(string(line), "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		var names []string
		for _, name := range fields[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			kind := fmt.Sprint(name, " ", a.Unmap().Is6())
			switch first, again := given[kind]; {
			case !used[name] || name == "localhost":
			case again && first != a.Unmap():
				c.clash(name, fmt.Sprintf("%s:%d gives %s another address, and regsync would write a line before both", file, i+1, name))
			case !again:
				given[kind] = a.Unmap()
				names = append(names, name)
			}
		}
		if names != nil {
			c.draft.Hosts = append(c.draft.Hosts, draft.Noted[spec.HostsLine]{
				Value: spec.HostsLine{Address: fields[0], Names: names}, Notes: []string{fmt.Sprintf("%s:%d", file, i+1)},
			})
		}
	}
}

// clash leaves out the line of a name to which another line gives another address: the first counts, and goes on to.
func (c *capturer) clash(name, why string) {
	for i := range c.draft.Hosts {
		if h := &c.draft.Hosts[i]; slices.Contains(h.Value.Names, name) {
			h.Left = why
		}
	}
}

// names are the host names of registries and endpoints, without ports.
func (c *capturer) names() map[string]bool {
	used := map[string]bool{}
	add := func(host string) {
		host, _, _ = strings.Cut(host, "/")
		if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
			host = host[:i]
		}
		used[strings.ToLower(host)] = true
	}
	for _, e := range c.draft.Entries {
		add(e.Host)
		for _, a := range c.before[e.Host] {
			_, rest, _ := strings.Cut(a.URL, "://")
			add(rest)
		}
		if e.Mirror != nil {
			for _, end := range e.Mirror.Endpoints {
				_, rest, _ := strings.Cut(end.URL, "://")
				add(rest)
			}
		}
	}
	for _, in := range c.draft.Insecure {
		add(in.Value.Host())
	}
	return used
}

// images adds the images that are pinned: what is not is kubelet's to clear away, and no part of how the node should be.
func (c *capturer) images() {
	archives := map[string]bool{}
	for _, image := range c.Images {
		switch {
		case strings.HasPrefix(image.Source, "/") || strings.HasPrefix(image.Source, "https://"):
			if !archives[image.Source] {
				archives[image.Source] = true
				c.draft.Preload = append(c.draft.Preload, draft.Noted[spec.Preload]{
					Value: spec.Preload{Archive: image.Source, Pin: true}, Notes: []string{"brought by regsync: " + image.Name},
				})
			}
		case path.Base(strings.Split(strings.Split(image.Name, "@")[0], ":")[0]) == "pause":
			c.draft.Preload = append(c.draft.Preload, draft.Noted[spec.Preload]{
				Value: spec.Preload{Image: image.Name, Pin: true}, Left: "containerd pins the image of its sandboxes by itself",
			})
		default:
			c.draft.Preload = append(c.draft.Preload, draft.Noted[spec.Preload]{Value: spec.Preload{Image: image.Name, Pin: true}})
		}
	}
	slices.SortStableFunc(c.draft.Preload, func(a, b draft.Noted[spec.Preload]) int {
		return strings.Compare(a.Value.Image+a.Value.Archive, b.Value.Image+b.Value.Archive)
	})
}
