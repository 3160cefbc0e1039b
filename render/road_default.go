package render

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// MicroK8s' stock directories in certs.d, up to white space.
var stock = map[string]string{
	dockerHub:         `server = "https://docker.io" [host."https://registry-1.docker.io"] capabilities = ["pull", "resolve"]`,
	"localhost:32000": `server = "http://localhost:32000" [host."http://localhost:32000"] capabilities = ["pull", "resolve"]`,
}

// isStock reports whether a hosts.toml is the one that MicroK8s ships for the directory.
func isStock(directory string, hosts []byte) bool {
	want, ok := stock[directory]
	return ok && strings.Join(strings.Fields(string(hosts)), " ") == want
}

// adopt lays a road for docker.io where "*" holds for it and MicroK8s' stock directory would hide that.
// Each other directory that hides "*" it warns of.
func (c *chart) adopt() {
	position := spec.Position{File: c.in.Layout.ConfigFile}
	entry := ""
	if m := c.mirrors[spec.AnyRegistry]; m != nil {
		position, entry = m.Pos, "mirrors["+itoa(c.index[m])+"]"
	}
	if c.any != nil && c.in.Containerd.Before(1, 6) {
		c.warn(position, entry, `"*" has no effect: containerd `+c.in.Containerd.String()+" does not look at "+anyDirectory, "name each registry under mirrors")
	}
	if c.any != nil && !c.done[dockerHub] {
		if d, ok := c.in.Dirs[dockerHub]; ok && isStock(dockerHub, d.Hosts) {
			c.done[dockerHub] = true
			c.follow(dockerHub, c.upstream(dockerHub, nil, place{pos: position}), position, "docker.io follows the mirrors of every registry")
		}
	}
	ours := make(map[string]bool, len(c.roads))
	for _, r := range c.roads {
		name, dead := directory(r.Host, c.in.Dirs)
		ours[name], ours[dead] = true, true
	}
	for _, name := range slices.Sorted(maps.Keys(c.in.Dirs)) {
		d := c.in.Dirs[name]
		if ours[name] || isStock(name, d.Hosts) || name != anyDirectory && strings.HasPrefix(name, "_") {
			continue // the last is no registry's: Spegel keeps a _backup here
		}
		where := quote(path.Join(c.in.Layout.CertsDir, name))
		switch {
		case name == anyDirectory:
			c.warn(position, "", where+" serves every registry without a directory of its own; those of the spec get one and leave it", "")
		case c.any != nil:
			c.warn(position, entry, where+` stands in the way of "*": containerd does not go on to `+anyDirectory, "name its registry under mirrors, or remove the directory")
		case c.config.State == ConfigLegacy || c.config.State == ConfigNeither:
			c.warn(position, "", where+" was not read so far, and will be: the config names no config_path yet", "")
		}
	}
}
