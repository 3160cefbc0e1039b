package convert

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/regsync/regsync/internal/draft"
)

// kubespray reads group variables of Kubespray (docs/CRI/containerd.md there; what becomes of them: roles/container-engine/containerd,
// templates/hosts.toml.j2, and config.toml.j2 of releases before 2.23). Each mirror is asked for its capabilities, in order, and then the server,
// which is https://PREFIX where nothing is said.
func (s *source) kubespray(data []byte) {
	roots := s.documents(data)
	find := func(name string, f func(value *yaml.Node)) {
		for _, root := range roots {
			s.keys(root, "the file", func(key string, _, value *yaml.Node) {
				if key == name {
					f(value)
				}
			})
		}
	}
	find("containerd_registry_auth", func(list *yaml.Node) {
		s.list(list, "containerd_registry_auth", s.kubesprayAuth)
	})
	find("containerd_registries_mirrors", func(list *yaml.Node) {
		s.list(list, "containerd_registries_mirrors", s.kubesprayMirror)
	})
	for _, name := range []string{"containerd_registries", "containerd_insecure_registries"} {
		find(name, func(value *yaml.Node) { s.kubesprayOld(name, value) })
	}
	known := []string{"containerd_registry_auth", "containerd_registries_mirrors", "containerd_registries", "containerd_insecure_registries"}
	for _, root := range roots {
		s.keys(root, "the file", func(key string, at, _ *yaml.Node) {
			switch {
			case slices.Contains(known, key):
			case strings.HasPrefix(key, "containerd_") && strings.Contains(key, "registr"):
				s.unknown("Kubespray's variables", key, at)
			default:
				s.other(key, at)
			}
		})
	}
	for host, l := range s.logins {
		if l.user != "" && !slices.ContainsFunc(s.draft.Entries, func(e *draft.Entry) bool { return e.Host == host || usesHost(e, host) }) {
			e := s.draft.Entry(host)
			s.write(e, []draft.Ask{s.upstream(host)})
		}
	}
	slices.SortStableFunc(s.draft.Entries, func(a, b *draft.Entry) int { return strings.Compare(a.Host, b.Host) })
}

// usesHost reports whether an entry has an endpoint at a host.
func usesHost(e *draft.Entry, host string) bool {
	if e.Mirror == nil {
		return false
	}
	for _, end := range e.Mirror.Endpoints {
		if _, at, _ := split(end.URL, ""); at == host {
			return true
		}
	}
	return false
}

func (s *source) kubesprayAuth(n *yaml.Node) {
	var host, user, password string
	line := n.Line
	s.keys(n, "containerd_registry_auth", func(key string, at, value *yaml.Node) {
		switch key {
		case "registry":
			host = s.text(value, key)
		case "username":
			user = s.text(value, key)
		case "password":
			password, line = s.text(value, key), at.Line
		default:
			s.unknown("containerd_registry_auth", key, at)
		}
	})
	if template(host + user + password) {
		s.tail("%s: the login of %s is a template of Ansible's ({{ … }}); no credential is made of it.", s.at(n.Line), host)
		return
	}
	_, host, _ = split(host, "https")
	s.logins[host] = login{user, password, "at " + s.at(line)}
}

func template(text string) bool { return strings.Contains(text, "{{") || strings.Contains(text, "{%") }

// kubesprayMirror reads one registry.
func (s *source) kubesprayMirror(n *yaml.Node) {
	var prefix, server string
	var mirrors *yaml.Node
	s.keys(n, "containerd_registries_mirrors", func(key string, at, value *yaml.Node) {
		switch key {
		case "prefix":
			prefix = s.text(value, key)
		case "server":
			server = s.text(value, key)
		case "mirrors":
			mirrors = value
		default:
			s.unknown("containerd_registries_mirrors", key, at)
		}
	})
	if prefix == "" {
		s.report(n.Line, n.Column, "a registry has no prefix")
		return
	}
	host := prefix
	if prefix == "_default" {
		host = "*"
	}
	e := s.entry(host, n.Line)
	if template(prefix + server) {
		e.Leave("it is a template of Ansible's ({{ … }}), and what it gives is not known here")
	}
	var asks []draft.Ask
	if mirrors != nil {
		s.list(mirrors, "mirrors", func(n *yaml.Node) { asks = append(asks, s.kubesprayHost(e, n)) })
	}
	if server == "" && host == "*" {
		e.Leave("its server would be https://_default")
	}
	last := s.upstream(host)
	if server != "" {
		last = s.api(server, false)
		last.Caps = draft.AllCaps
		_, at, _ := split(server, "https")
		s.authorize(&last, at)
	}
	s.write(e, append(asks, last))
}

// api is whom a name in hosts.toml means (parseHostConfig of containerd's remotes/docker/config).
func (s *source) api(url string, override bool) draft.Ask {
	scheme, host, path := split(url, "https")
	if path == "" && override {
		return draft.Ask{URL: scheme + "://" + host}
	}
	if !override && !strings.HasSuffix(path, "/v2") {
		path += "/v2"
	}
	return draft.Ask{URL: scheme + "://" + host + path}
}

func (s *source) kubesprayHost(e *draft.Entry, n *yaml.Node) draft.Ask {
	var url, ca, user, password, secret string
	var caps []string
	var client [][2]string
	var skip, override bool
	header := map[string][]string{}
	s.keys(n, "a mirror", func(key string, at, value *yaml.Node) {
		switch key {
		case "host":
			url = s.text(value, key)
		case "capabilities":
			caps = s.texts(value, key)
		case "skip_verify":
			skip = s.truth(value, key)
		case "override_path":
			override = s.truth(value, key)
		case "ca":
			ca = strings.Join(s.texts(value, key), "\n")
		case "client":
			s.list(value, key, func(n *yaml.Node) {
				if pair := s.texts(n, key); len(pair) == 2 {
					client = append(client, [2]string{pair[0], pair[1]})
				} else {
					s.report(n.Line, n.Column, "client should be a list of pairs: certificate and key")
				}
			})
		case "header":
			s.keys(value, key, func(name string, at, value *yaml.Node) {
				header[name], secret = s.texts(value, key), "at "+s.at(at.Line)+", behind the user name in base64"
			})
		case "auth":
			s.keys(value, key, func(key string, at, value *yaml.Node) {
				switch key {
				case "username":
					user = s.text(value, key)
				case "password":
					password, secret = s.text(value, key), "at "+s.at(at.Line)
				default:
					s.unknown("auth", key, at)
				}
			})
		default:
			s.unknown("a mirror", key, at)
		}
	})
	if url == "" {
		s.report(n.Line, n.Column, "a mirror has no host")
	}
	a := s.api(url, override)
	a.Header, a.Where, a.Client = draft.Canonical(header), secret, client
	_, host, _ := split(url, "https")
	s.authorize(&a, host)
	if user != "" {
		a.Authorize(user, password, secret)
	}
	if ca != "" && !skip {
		a.CA = strings.Split(ca, "\n")
	}
	a.Skip = skip && strings.HasPrefix(a.URL, "https://")
	if strings.HasPrefix(a.URL, "http://") {
		a.CA, a.Client = nil, nil
		e.Note("Kubespray writes skip_verify beside %s, for which containerd asks it by https first; here it is asked by http alone", url)
	}
	for _, c := range draft.AllCaps {
		if slices.ContainsFunc(caps, func(o string) bool { return strings.EqualFold(o, c) }) {
			a.Caps = append(a.Caps, c)
		}
	}
	switch {
	case len(a.Caps) != len(caps) || len(caps) == 0:
		a.How = "its capabilities are not those that containerd knows: it passes over the whole file"
	case template(url + strings.Join(a.CA, "") + user + password + strings.Join(slices.Concat(header["Authorization"], header["authorization"]), "")):
		a.How = "it is a template of Ansible's ({{ … }}), and what it gives is not known here"
		a.Header = nil
	}
	return a
}

// kubesprayOld reads the variables of older releases: a registry, and where it is asked. One that is insecure is not verified.
func (s *source) kubesprayOld(name string, value *yaml.Node) {
	skip := name == "containerd_insecure_registries"
	s.keys(value, name, func(host string, at, value *yaml.Node) {
		e := s.entry(host, at.Line)
		var asks []draft.Ask
		listed := false
		for _, url := range s.texts(value, name) {
			scheme, end, path := split(url, "https")
			a := draft.Ask{URL: scheme + "://" + end + path, Caps: draft.MirrorCaps, Skip: skip && scheme == "https"}
			if path == "" {
				a.URL += "/v2"
			}
			listed = listed || end == host
			s.authorize(&a, end)
			if template(url) {
				a.How = "it is a template of Ansible's ({{ … }}), and what it gives is not known here"
			}
			asks = append(asks, a)
		}
		if last := len(asks) - 1; listed && strings.Contains(asks[last].URL, "://"+host+"/") {
			asks[last].Caps = draft.AllCaps
		} else if !listed {
			asks = append(asks, s.upstream(host))
		}
		s.write(e, asks)
	})
}
