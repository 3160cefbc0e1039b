package render

import (
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/regsync/regsync/spec"
)

// HostsTOML is the file that containerd reads in a directory of certs.d.
const HostsTOML = "hosts.toml"

// anyDirectory serves every registry that has no directory, from containerd 1.6 on.
const anyDirectory = "_default"

// directory gives the name of host's directory in certs.d, and the name of a second one that containerd does not look at.
// containerd takes HOST_PORT_ before HOST:PORT (hostPaths in config_unix.go); of neither we make HOST:PORT.
func directory(host string, dirs map[string]Dir) (name, dead string) {
	if host == spec.AnyRegistry {
		return anyDirectory, ""
	}
	i := strings.LastIndexByte(host, ':')
	if i <= 0 || len(dirs) == 0 {
		return host, ""
	}
	under := host[:i] + "_" + host[i+1:] + "_"
	if _, ok := dirs[under]; !ok {
		return host, ""
	}
	if _, ok := dirs[host]; ok {
		return under, host
	}
	return under, ""
}

// safeName reports whether a host can be the name of a directory in certs.d.
func safeName(host string) bool {
	return host != "" && host != "." && host != ".." && !strings.ContainsAny(host, "/\\\x00")
}

// certsD gives the resources of roads in certs.d, sorted by directory. In each the PEM files come before hosts.toml. A directory whose
// hosts.toml would lack a credential is held as it is, with all that is in it.
func certsD(roads []Road, in Inputs) (all []Resource, held []Held, warnings, problems []*spec.Problem) {
	type target struct {
		name string
		road *Road
	}
	targets := make([]target, 0, len(roads))
	for i := range roads {
		r := &roads[i]
		name, dead := directory(r.Host, in.Dirs)
		if !safeName(name) {
			problems = append(problems, &spec.Problem{Position: r.From, Message: quote(r.Host) + " cannot be the name of a directory"})
			continue
		}
		if dead != "" {
			warnings = append(warnings, &spec.Problem{
				Position: r.From,
				Message:  quote(path.Join(in.Layout.CertsDir, dead)) + " is dead: containerd takes " + quote(name) + " beside it",
				Hint:     "remove one of the two directories",
			})
		}
		targets = append(targets, target{name, r})
	}
	slices.SortFunc(targets, func(a, b target) int { return strings.Compare(a.name, b.name) })
	all = make([]Resource, 0, len(targets))
	for _, t := range targets {
		dir := in.Layout.CertsDir + "/" + t.name
		if base, ok := in.Dirs[t.name]; ok {
			kept, w := keepCerts(stayNamed(*t.road, base, dir), base, dir)
			t.road = &kept
			warnings = append(warnings, w...)
		}
		asks := t.road.Asks()
		if problem := lacking(asks); problem != nil {
			held = append(held, Held{ID{Kind: KindFile, Name: dir + "/" + HostsTOML}, problem})
			continue
		}
		all = companions(all, t.road, asks, dir)
		hosts := Resource{
			ID:   ID{Kind: KindFile, Name: dir + "/" + HostsTOML},
			Body: hostsTOML(t.road),
			Mode: 0o644,
			From: t.road.From,
			Why:  because(t.road.Why, asks),
			Asks: asks,
		}
		if secret(asks) {
			hosts.Mode, hosts.Sensitive = 0o600, true
		}
		all = append(all, hosts)
	}
	return all, held, warnings, problems
}

// keepCerts gives the road with the certificates that the directory holds in Docker's way, which containerd looks at only as long
// as there is no valid hosts.toml (loadCertFiles in hosts.go). They are for the registry itself; the spec's own come before them.
func keepCerts(r Road, base Dir, dir string) (Road, []*spec.Problem) {
	up := r.Server
	if up == nil || up.Plain() || r.Blocked || r.Host == spec.AnyRegistry || !up.Upstream || valid(base.Hosts) {
		return r, nil
	}
	var warnings []*spec.Problem
	server := *up
	for _, name := range base.Files {
		if strings.HasSuffix(name, ".crt") && len(up.CA) == 0 {
			server.CAFiles = append(server.CAFiles, name)
		}
		stem, ok := strings.CutSuffix(name, ".cert")
		if !ok || up.Cert != nil {
			continue
		}
		key := stem + ".key"
		if !slices.Contains(base.Files, key) {
			// The key may stand in the certificate's own file.
			key = name
			warnings = append(warnings, &spec.Problem{
				Position: r.From,
				Message:  quote(path.Join(dir, name)) + " has no " + stem + ".key beside it: every pull fails unless it holds the key too",
			})
		}
		server.ClientFiles = append(server.ClientFiles, [2]string{name, key})
	}
	r.Server = &server
	return r, warnings
}

// valid reports whether a hosts.toml is one that containerd reads, as far as its TOML and its capabilities go.
func valid(hosts []byte) bool {
	if len(hosts) == 0 {
		return false
	}
	var file struct {
		Server       string
		Capabilities []string
		Host         map[string]struct{ Capabilities []string }
	}
	if toml.Unmarshal(hosts, &file) != nil {
		return false
	}
	all := file.Capabilities
	for _, h := range file.Host {
		all = append(all, h.Capabilities...)
	}
	return !slices.ContainsFunc(all, func(c string) bool {
		return !slices.Contains([]string{"pull", "resolve", "push", "referrers"}, strings.ToLower(c))
	})
}
