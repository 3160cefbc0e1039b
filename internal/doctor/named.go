package doctor

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// NamedIn gives the hosts that files of certs.d name.
func NamedIn(directories []Directory) []Named {
	var all []Named
	for _, d := range directories {
		if d.Hosts.Data == nil {
			continue
		}
		s := newSite(d)
		for _, h := range s.hosts {
			if root := h.api(); root != "" {
				all = append(all, Named{Host: hostOf(root), URL: root, Place: Place{s.file(), h.line}, Program: "containerd"})
			}
		}
	}
	return all
}

// NamedBy gives the hosts that a spec names.
func NamedBy(s *spec.Spec) []Named {
	var all []Named
	at := func(p spec.Position) Place { return Place{p.File, p.Line} }
	for _, r := range s.Registries {
		all = append(all, Named{Host: hostOf("https://" + r.Host), Place: at(r.Pos), Addressed: r.Address != ""})
		if r.Server != "" {
			all = append(all, Named{Host: hostOf(r.Server), URL: root(r.Server), Place: at(r.Pos), Program: "containerd"})
		}
	}
	for _, m := range s.Mirrors {
		for _, e := range m.Endpoints {
			all = append(all, Named{Host: hostOf(e.URL), URL: root(e.URL), Place: at(e.Pos), Program: "containerd"})
		}
	}
	for _, l := range s.EtcHosts {
		for _, name := range l.Names {
			all = append(all, Named{Host: name, Place: at(l.Pos), Addressed: true})
		}
	}
	return all
}

// root gives the API root that a URL of a spec means.
func root(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return ""
	}
	return probe.APIRoot(u, strings.HasPrefix(parsed.Path, "/v2/"))
}

// Located says where the endpoint of a contact is named.
func Located(c probe.Greeting, directories []Directory, wanted []Named) Contact {
	out := Contact{Greeting: c}
	i := slices.IndexFunc(directories, func(d Directory) bool { return c.Directory != "" && d.Path == c.Directory })
	if i < 0 {
		if i := slices.IndexFunc(wanted, func(w Named) bool { return w.URL == c.URL }); i >= 0 {
			out.Place = wanted[i].Place
		}
		return out
	}
	s := newSite(directories[i])
	out.Path, out.Stock = s.file(), s.tool == render.Stock
	for _, h := range s.hosts {
		if h.api() != c.URL || out.Line > 0 && h.server {
			continue
		}
		out.Line, out.Upstream = h.line, h.server
	}
	return out
}

// Mentions reports whether the hosts.toml of a directory itself names an API root, and one that is worth being asked: docker.io is none.
func Mentions(d Directory, api string) bool {
	return slices.ContainsFunc(newSite(d).hosts, func(h host) bool { return h.api() == api && hostOf(api) != "docker.io" })
}

// api gives the API root that containerd makes of a host.
func (h host) api() string { return probe.APIRoot(h.name, h.keys["override_path"].yes) }

// hostOf gives the host of a URL without its port.
func hostOf(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return ""
	}
	return strings.ToLower(parsed.Hostname())
}

// NamedInDocker gives the hosts that daemon.json names.
func NamedInDocker(file File) []Named {
	var said struct {
		Mirrors  []string `json:"registry-mirrors"`
		Insecure []string `json:"insecure-registries"`
	}
	if json.Unmarshal(file.Data, &said) != nil {
		return nil // the rule for such a file says so
	}
	for _, h := range said.Insecure {
		if !strings.Contains(h, "/") { // a range of addresses names nobody
			said.Mirrors = append(said.Mirrors, "http://"+h)
		}
	}
	var all []Named
	for _, m := range said.Mirrors {
		m = strings.TrimRight(m, "/")
		_, bare, _ := strings.Cut(m, "://")
		if host := hostOf(m); host != "" {
			all = append(all, Named{Host: host, URL: m + "/v2", Place: Place{file.Path, lineOf(file.Data, bare)}, Program: "dockerd"})
		}
	}
	return all
}

// Listed gives the names that matter and that /etc/hosts has too.
func Listed(f Facts) []string {
	return slices.DeleteFunc(f.wantedNames(), func(name string) bool { return name == "localhost" || len(f.linesOf(name)) == 0 })
}

// CertificateFiles gives the files of certificates that a directory of certs.d names, or holds in Docker's way.
func CertificateFiles(d Directory) []string {
	var all []string
	for _, e := range newSite(d).entries {
		key := e.path[len(e.path)-1]
		if key != "ca" && key != "client" {
			continue
		}
		for _, name := range append([]string{e.value}, e.list...) {
			if name != "" && !path.IsAbs(name) {
				name = path.Join(d.Path, name)
			}
			if name != "" && !strings.HasSuffix(name, ".key") {
				all = append(all, name)
			}
		}
	}
	for _, name := range d.Files {
		if ext := path.Ext(name); d.Hosts.Data == nil && (ext == ".crt" || ext == ".cert") {
			all = append(all, path.Join(d.Path, name))
		}
	}
	return all
}

// Unverified gives the endpoints of a spec whose certificate is not to be verified.
func Unverified(s *spec.Spec) func(url string) bool {
	return func(u string) bool {
		return slices.ContainsFunc(s.Insecure, func(i spec.Insecure) bool { return i.SkipVerify() && strings.HasPrefix(u+"/", "https://"+i.Host()+"/") })
	}
}
