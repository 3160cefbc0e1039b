package probe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// place is where containerd looks for what it should know of a registry.
type place struct {
	dir    string // the directory that it takes; empty: none
	passed []Passed
	err    error // what every pull fails with: a directory that cannot be looked at
}

// look finds the directory that containerd takes for a registry, as its loader does (HostDirFromRoot of remotes/docker/config), and says
// what becomes of the others. Paths are the node's: call it within the node's root.
func look(dirs []string, registry string) place {
	var p place
	for _, root := range dirs {
		names := candidates(registry)
		for i, name := range names {
			dir := filepath.Join(root, name)
			_, err := os.Stat(dir)
			switch {
			case p.err != nil:
				return p
			case p.dir != "" && err == nil:
				p.pass(dir, "hidden by "+p.dir+hides(p.dir))
			case p.dir != "":
			case os.IsNotExist(err):
				p.pass(dir, missing(dir))
			case err != nil:
				p.err = err
			default:
				p.dir = dir
			}
			if i == len(names)-1 {
				p.lookalikes(root, registry, names)
			}
		}
	}
	return p
}

// candidates are the names of directories for a registry, in containerd's order.
func candidates(registry string) []string {
	names := []string{registry, "_default"}
	if i := strings.LastIndexByte(registry, ':'); i > 0 {
		names = slices.Insert(names, 0, registry[:i]+"_"+registry[i+1:]+"_")
	}
	return names
}

func (p *place) pass(path, why string) { p.passed = append(p.passed, Passed{path, why}) }

// hides adds to why a directory hides others that nothing stands in it, if so.
func hides(dir string) string {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return ", a file"
	}
	if _, err := os.Stat(filepath.Join(dir, "hosts.toml")); os.IsNotExist(err) {
		return ", though no hosts.toml is in it"
	}
	return ""
}

// missing says in what way there is nothing.
func missing(dir string) string {
	if target, err := os.Readlink(dir); err == nil {
		return "a link to " + target + ", which is not there"
	}
	return "not there"
}

// lookalikes names the directories that somebody may have meant for the registry.
func (p *place) lookalikes(root, registry string, names []string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	host, _, _ := strings.Cut(registry, ":")
	for _, e := range entries {
		name := e.Name()
		if slices.Contains(names, name) {
			continue
		}
		dir := filepath.Join(root, name)
		bare, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, "https:"), "http:"), ":")
		switch {
		case slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }):
			p.pass(dir, "its name differs in upper and lower case")
		case registry == "docker.io" && slices.Contains([]string{"registry-1.docker.io", "index.docker.io", "hub.docker.com", "registry.hub.docker.com", "www.docker.io"}, name):
			p.pass(dir, "it is for images named "+name+"/…; those of Docker Hub are named docker.io/…")
		case host != registry && name == host:
			p.pass(dir, "it is for images named "+host+"/…, without the port")
		case host == registry && bare == host && strings.HasPrefix(name, host+":"), host == registry && strings.HasPrefix(name, host+"_") && strings.HasSuffix(name, "_"):
			p.pass(dir, "it is for images named with a port")
		case host == registry && name == registry+".toml", name == registry+".d":
			p.pass(dir, "it is not named as the registry is")
		}
	}
}
