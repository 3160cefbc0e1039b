package doctor

import (
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
)

// configPath are the traps of what containerd's config says of certs.d.
var configPath = []Rule{{
	ID: "config-mirrors-and-config-path", Severity: Error, Family: Config,
	Title: "mirrors beside config_path",
	Cause: "Since containerd 1.5, `config_path` and inline `mirrors` or `configs.….tls` exclude each other: \"mirrors cannot be set when config_path is provided\". containerd comes up without its CRI, systemd says active, " +
		"and the node goes NotReady at the next start. Recipes that add registry.mirrors to MicroK8s' template lead here.",
	Remedy: "take the inline mirrors out, and write certs.d/REGISTRY/hosts.toml; regsync apply repairs the file",
	check: func(f *Facts) []Finding {
		if f.Config.Parsed.State != render.ConfigBoth {
			return nil
		}
		return one(found(f.Config.Path, f.Config.inline(), "mirrors or TLS stand inline beside config_path: the CRI does not load"))
	},
}, {
	ID: "config-inline-mirrors", Severity: Warning, Family: Config,
	Title: "inline mirrors, and no config_path",
	Cause: "The config is of the kind from before certs.d: a MicroK8s that was installed as 1.22 or earlier and refreshed since, or a config that was written by hand. Nothing in certs.d has an effect. " +
		"containerd 2.x still reads the mirrors, in a mode of its own; they are to go.",
	Remedy: "move the mirrors to certs.d and set config_path; regsync apply does so, with one restart",
	check: func(f *Facts) []Finding {
		if f.Config.Parsed.State != render.ConfigLegacy || f.Version.Before(1, 5) {
			return nil
		}
		finding := found(f.Config.Path, f.Config.inline(), "mirrors or TLS stand inline, and there is no config_path: certs.d is not read")
		if n := f.written(); n > 0 {
			finding.Severity = Error
			finding.Cause = "mirrors or TLS stand inline, and there is no config_path: " + render.Count(n, "hosts.toml file") + " below " + f.CertsDir + " not read"
		}
		return one(finding)
	},
}, {
	ID: "config-no-config-path", Severity: Error, Family: Config,
	Title:  "certs.d is filled, and nobody reads it",
	Cause:  "The config names no `config_path`. containerd 1.x then reads no certs.d; 2.x takes /etc/containerd/certs.d:/etc/docker/certs.d, a list, in which 2.1 and later find nothing.",
	Remedy: "set config_path to the one directory; regsync apply does so, with one restart",
	check: func(f *Facts) []Finding {
		if f.Config.Path == "" || f.Config.Parsed.State != render.ConfigNeither || f.Config.Broken != nil || f.written() == 0 || f.Config.misnamed(f) {
			return nil
		}
		return one(found(f.Config.Path, f.Config.registryLine(), "there is no config_path: %s below %s not read", render.Count(f.written(), "hosts.toml file"), f.CertsDir))
	},
}, {
	ID: "config-path-list", Severity: Error, Family: Config,
	Title:  "config_path with several directories",
	Cause:  "containerd 1.x looks into each directory of a list. 2.1 and later take the list for one path and find no directory at all, not even the first (containerd#12415).",
	Remedy: "name one directory; regsync apply does so, and says which one is no longer read",
	check: func(f *Facts) []Finding {
		if f.Config.Parsed.State != render.ConfigColonList || f.Version.Before(2, 1) && f.Version.Major == 2 {
			return nil
		}
		finding := found(f.Config.Path, f.Config.pathLine(), "config_path is the list %s: containerd 2.1 and later find nothing in it", f.Config.Parsed.Path)
		if !f.from(2, 1) {
			finding.Severity = Warning
		}
		return one(finding)
	},
}, {
	ID: "snap-revision-path", Severity: Warning, Family: Config,
	Title:  "a path through a revision of the snap",
	Cause:  "/var/snap/microk8s/NUMBER is one revision. At the next refresh of the snap the path leads to what is left of the old one, and after the one after that to nothing.",
	Remedy: "write /var/snap/microk8s/current, or ${SNAP_DATA} in the template",
	check: func(f *Facts) []Finding {
		var all []Finding
		if revision(f.Config.Parsed.Path) {
			all = append(all, found(f.Config.Path, f.Config.pathLine(), "config_path goes through a revision of the snap: %s", f.Config.Parsed.Path))
		}
		for _, s := range f.sites {
			for _, e := range s.entries {
				for _, name := range append([]string{e.value}, e.list...) {
					if revision(name) {
						all = append(all, found(s.file(), e.line, "a path goes through a revision of the snap: %s", name))
					}
				}
			}
		}
		return all
	},
}, {
	ID: "config-path-missing", Severity: Error, Family: Config,
	Title:  "config_path names a directory that is not there",
	Cause:  "containerd says nothing about it, and asks each registry itself.",
	Remedy: "make the directory, or name the one that is meant",
	check: func(f *Facts) []Finding {
		if f.Config.Parsed.State != render.ConfigOnePath {
			return nil
		}
		for _, d := range f.Config.Dirs {
			if !d.There && !strings.Contains(d.Path, "${") {
				return one(found(f.Config.Path, f.Config.pathLine(), "config_path names %s, which is not there", d.Path))
			}
		}
		return nil
	},
}, {
	ID: "config-path-placeholder", Severity: Error, Family: Config,
	Title: "a placeholder that nobody replaces",
	Cause: "MicroK8s replaces ${SNAP}, ${SNAP_DATA}, ${SNAPSHOTTER}, ${RUNTIME} and ${RUNTIME_TYPE} in its template, and not ${SNAP_COMMON}. In another containerd's config nobody replaces anything. " +
		"containerd then looks for a directory of that name.",
	Remedy: "write the path out",
	check: func(f *Facts) []Finding {
		rest := f.Config.Parsed.Path
		if f.Runtime == render.MicroK8s {
			rest = strings.NewReplacer("${SNAP_DATA}", "", "${SNAP}", "").Replace(rest)
		}
		if !strings.Contains(rest, "${") {
			return nil
		}
		return one(found(f.Config.Path, f.Config.pathLine(), "nobody replaces the placeholder in config_path = %q", f.Config.Parsed.Path))
	},
}}

// written counts the hosts.toml files in certs.d, without what MicroK8s comes with.
func (f *Facts) written() int {
	n := 0
	for _, s := range f.sites {
		if s.tool != render.Stock {
			n++
		}
	}
	return n
}

// revision reports whether a path goes through one revision of MicroK8s' snap.
func revision(name string) bool {
	rest, ok := strings.CutPrefix(path.Clean(name), "/var/snap/microk8s/")
	first, _, _ := strings.Cut(rest, "/")
	return ok && name != "" && !slices.Contains([]string{"current", "common"}, first)
}

// inline gives the line of the first inline mirror or TLS.
func (c ContainerdConfig) inline() int {
	for _, name := range []string{"mirrors", "configs"} {
		if line := c.below(name); line > 0 {
			return line
		}
	}
	return 0
}

func (c ContainerdConfig) pathLine() int { return c.below("config_path") }
