package doctor

import (
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
)

// directories are the traps of certs.d itself: which directory counts, and which hides another.
var directories = []Rule{{
	ID: "certs-d-both-encodings", Severity: Warning, Family: CertsD,
	Title: "a registry has two directories",
	Cause: "For a registry with a port containerd looks for HOST_PORT_ first, then HOST:PORT, and takes the first that is there. MicroK8s, Spegel and kubespray write the second, k3s, Talos and Bottlerocket " +
		"the first. Of two, the one with the colon is dead.",
	Remedy: "keep one of them, with what shall count",
	check: eachDirectory(func(f *Facts, d Directory) []Finding {
		i := strings.LastIndexByte(d.Name, ':')
		if i <= 0 || d.Plain {
			return nil
		}
		other := d.Name[:i] + "_" + d.Name[i+1:] + "_"
		if f.directory(other) == nil {
			return nil
		}
		return one(found(d.evidence(), 0, "nothing in it is read: containerd takes %s", path.Join(f.CertsDir, other)))
	}),
}, {
	ID: "certs-d-empty-directory", Severity: Warning, Family: CertsD,
	Title:  "a directory without a hosts.toml",
	Cause:  "containerd takes the first directory that is there for the registry, whatever is in it. One without a hosts.toml hides `_default`, and one named HOST_PORT_ hides HOST:PORT: pulls go to the registry itself.",
	Remedy: "remove the directory, or put a hosts.toml into it",
	check: eachDirectory(func(f *Facts, d Directory) []Finding {
		if d.Plain || d.Dangling != "" || d.Hosts.Data != nil || d.Hosts.Obstacle != "" || d.Link != "" || strings.HasPrefix(d.Name, "_backup") ||
			slices.ContainsFunc(d.Files, func(n string) bool { return slices.Contains([]string{".crt", ".cert"}, path.Ext(n)) }) {
			return nil
		}
		hides := ""
		if f.directory("_default") != nil && d.Name != "_default" {
			hides = ", and _default is hidden by it"
		}
		return one(found(d.Path, 0, "no hosts.toml is in it: the registry itself is asked%s", hides))
	}),
}, {
	ID: "certs-d-not-a-directory", Severity: Error, Family: CertsD,
	Title:  "a file in place of a directory, or the other way round",
	Cause:  "A plain file named as a registry, or a directory named hosts.toml: every pull of the registry fails with \"not a directory\" or \"is a directory\". Nothing falls through to `_default`.",
	Remedy: "make it certs.d/REGISTRY/hosts.toml, a file in a directory",
	check: eachDirectory(func(f *Facts, d Directory) []Finding {
		switch {
		case d.Plain && named(d.Name):
			return one(found(d.Path, 0, "it is a file, and containerd wants a directory: every pull of %s fails", newSite(d).registry))
		case d.Hosts.Obstacle != "":
			return one(found(path.Join(d.Path, render.HostsTOML), 0, "it %s, and containerd wants a file: every pull of %s fails", d.Hosts.Obstacle, newSite(d).registry))
		}
		return nil
	}),
}, {
	ID: "certs-d-dangling-link", Severity: Warning, Family: CertsD,
	Title:  "a link to nothing",
	Cause:  "A directory that is a link to nothing counts as absent: `_default` is taken. A hosts.toml that is one counts as no file: the registry itself is asked.",
	Remedy: "mend the link, or remove it",
	check: eachDirectory(func(_ *Facts, d Directory) []Finding {
		switch {
		case d.Dangling != "":
			return one(found(d.Path, 0, "it links to %s, which is not there: containerd goes on as if it were not there either", d.Dangling))
		case d.Link != "":
			return one(found(path.Join(d.Path, render.HostsTOML), 0, "it links to %s, which is not there: the registry itself is asked", d.Link))
		}
		return nil
	}),
}, {
	ID: "certs-d-name-never-asked", Severity: Warning, Family: CertsD,
	Title: "a directory that no image's name leads to",
	Cause: "The directory's name is the registry's as it stands in references: in small letters, without a scheme, with the port if one is written. Docker Hub's is `docker.io`: registry-1.docker.io and index.docker.io are " +
		"for images that are named so.",
	Remedy: "name the directory as the images are named",
	check: eachDirectory(func(_ *Facts, d Directory) []Finding {
		if d.Plain && !strings.HasSuffix(d.Name, ".toml") || d.Name == render.HostsTOML && !d.Plain {
			return nil
		}
		switch why := unaskable(d.Name); {
		case why != "":
			return one(found(d.evidence(), 0, "it is never looked into: %s", why))
		case d.Name == render.HostsTOML:
			return one(found(d.Path, 0, "it is not read: containerd looks into certs.d/REGISTRY/hosts.toml, and for all others into certs.d/_default/hosts.toml"))
		}
		return nil
	}),
}, {
	ID: "certs-d-default-unknown", Severity: Error, Family: CertsD,
	Title:  "_default on containerd 1.5",
	Cause:  "containerd 1.5 does not know the directory `_default`, which came with 1.6.",
	Remedy: "give each registry a directory, or upgrade containerd",
	check: func(f *Facts) []Finding {
		if d := f.directory("_default"); d != nil && f.Version.Before(1, 6) {
			return one(found(d.evidence(), 0, "%s does not look into _default", f.who()))
		}
		return nil
	},
}, {
	ID: "certs-d-stock-hides-default", Severity: Warning, Family: CertsD,
	Title:  "MicroK8s' stock directory hides _default",
	Cause:  "MicroK8s comes with a directory for docker.io. It goes before `_default`, so that a mirror for everything is not one for Docker Hub.",
	Remedy: `remove the directory docker.io, or let regsync take it over: a mirror of "*" then covers Docker Hub too`,
	check: each(func(f *Facts, s site) []Finding {
		if s.Name != "docker.io" || s.tool != render.Stock || f.directory("_default") == nil {
			return nil
		}
		return one(found(s.file(), 0, "MicroK8s' stock file stands before _default: what that names is not asked for docker.io"))
	}),
}, {
	ID: "certs-d-bracketed-address", Severity: Error, Family: CertsD,
	Title:  "an IPv6 address as a registry on containerd 1.6",
	Cause:  "`[::1]:5000/image` is no valid reference for containerd 1.6; it is from 1.7 on.",
	Remedy: "give the address a name in /etc/hosts, and use that, or upgrade containerd",
	check: eachDirectory(func(f *Facts, d Directory) []Finding {
		if strings.HasPrefix(d.Name, "[") && f.Version.Before(1, 7) {
			return one(found(d.evidence(), 0, "%s cannot pull from a registry that is named by an IPv6 address", f.who()))
		}
		return nil
	}),
}, {
	ID: "certs-d-second-writer", Severity: Warning, Family: CertsD,
	Title:  "somebody else writes certs.d too",
	Cause:  "Spegel moves what it finds to `_backup` and writes its own files; k3s, Dragonfly, Ansible and Puppet write theirs. Two that write one directory undo each other's work.",
	Remedy: "let one of them do it; policy.adoptFrom lets regsync take over another's files",
	check: func(f *Facts) []Finding {
		var all []Finding
		if d := f.directory("_backup"); d != nil && !d.Plain {
			all = append(all, found(d.Path, 0, "Spegel has moved what stood in certs.d here: nothing of it is read"))
		}
		if !slices.ContainsFunc(f.sites, site.ours) {
			return all
		}
		for _, s := range f.sites {
			if s.tool != "" && s.tool != render.Ours && s.tool != render.Stock {
				all = append(all, found(s.file(), 1, "%s writes this file, and regsync others in the same certs.d", s.tool))
			}
		}
		return all
	},
}, {
	ID: "certs-d-of-another-containerd", Severity: Warning, Family: CertsD,
	Title:  "a certs.d that no containerd reads",
	Cause:  "MicroK8s' containerd reads /var/snap/microk8s/current/args/certs.d, and not /etc/containerd/certs.d; Docker's /etc/docker/certs.d is for dockerd alone. What is written to the wrong one has no effect.",
	Remedy: "move the directories to the certs.d that config_path names",
	check: func(f *Facts) []Finding {
		var all []Finding
		for _, dir := range f.Others {
			all = append(all, found(dir, 0, "no containerd of this node reads it: config_path names %s", f.CertsDir))
		}
		return all
	},
}, {
	ID: "snap-revision-written", Severity: Warning, Family: CertsD,
	Title:  "a file of an old revision of the snap was edited",
	Cause:  "/var/snap/microk8s/NUMBER is one revision of the snap. A refresh copies it to the next and leaves it: what is written there later is lost.",
	Remedy: "write to the same path below /var/snap/microk8s/current",
	check: func(f *Facts) []Finding {
		var all []Finding
		for _, file := range f.Left {
			all = append(all, found(file.Path, 0, "it was written after the snap had moved on to revision %s: nothing reads it", f.Refreshed))
		}
		return all
	},
}}

// directory gives the directory of certs.d of this name; nil: there is none.
func (f *Facts) directory(name string) *Directory {
	i := slices.IndexFunc(f.Directories, func(d Directory) bool { return d.Name == name && d.Dangling == "" })
	if i < 0 {
		return nil
	}
	return &f.Directories[i]
}

// evidence is the hosts.toml of a directory, or where there is none the directory.
func (d Directory) evidence() string {
	if d.Hosts.Data != nil {
		return path.Join(d.Path, render.HostsTOML)
	}
	return d.Path
}

// named reports whether a file's name is that of a registry.
func named(name string) bool {
	if strings.HasPrefix(name, ".") || slices.Contains([]string{".toml", ".md", ".txt", ".bak", ".old", ".orig"}, path.Ext(name)) {
		return false
	}
	return name == "_default" || strings.HasPrefix(name, "localhost") || strings.ContainsAny(name, ".:")
}

// unaskable says why no reference leads to a directory of this name; empty where one may.
func unaskable(name string) string {
	switch {
	case strings.HasPrefix(name, "."):
		return ""
	case strings.HasPrefix(name, "http:") || strings.HasPrefix(name, "https:"):
		return "no scheme stands in the name of an image"
	case name != strings.ToLower(name):
		return "containerd looks for names as they stand in references, which are in small letters"
	case slices.Contains([]string{"registry-1.docker.io", "index.docker.io", "hub.docker.com", "registry.hub.docker.com", "www.docker.io", "dockerhub", "docker"}, name):
		return "images of Docker Hub are named docker.io/…, and this directory is for images named " + name + "/…"
	case name != render.HostsTOML && strings.HasSuffix(name, ".toml"):
		return "containerd wants a directory named as the registry, with a hosts.toml in it"
	}
	return ""
}
