package convert

import (
	"encoding/base64"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/spec"
)

// k3s reads registries.yaml of k3s and RKE2 (https://docs.k3s.io/installation/private-registry, https://docs.rke2.io/install/private_registry; what
// containerd is told by it: pkg/agent/containerd/config.go of k3s, getHostConfigs). Each registry is asked at its endpoints in order, for
// pull and resolve, with the TLS and the login that configs has for each endpoint's host; last comes the registry itself.
func (s *source) k3s(data []byte) {
	program := map[string]string{"k3s": "k3s", "rke2": "RKE2"}[s.format]
	roots := s.documents(data)
	if len(roots) > 1 {
		s.report(roots[1].Line, roots[1].Column, "the file holds a second YAML document, which %s does not read", program)
	}
	var mirrors []*k3sMirror
	configs := map[string]*k3sConfig{}
	var order []string
	for _, root := range roots[:min(len(roots), 1)] {
		s.keys(root, "the file", func(key string, at, value *yaml.Node) {
			switch key {
			case "mirrors":
				s.keys(value, "mirrors", func(host string, at, value *yaml.Node) { mirrors = append(mirrors, s.k3sMirror(host, at, value)) })
			case "configs":
				s.keys(value, "configs", func(host string, at, value *yaml.Node) {
					configs[host], order = s.k3sConfig(host, at, value), append(order, host)
				})
			case "auths":
				s.tail("%s: auths is an older form of configs; nothing is made of it: write the login below configs.", s.at(at.Line))
			default:
				s.unknown("registries.yaml", key, at)
			}
		})
	}
	s.draft.Head = append(s.draft.Head,
		"After its mirrors "+program+" asks the registry itself, unless it runs with --disable-default-registry-endpoint: then write fallback: false beside the endpoints of each.",
		"What "+program+" wrote to its own certs.d it writes again at each start: this file is for nodes on which it does not, or for another containerd.")
	for _, m := range mirrors {
		s.k3sEntry(m, configs)
	}
	for _, host := range order {
		if !slices.ContainsFunc(mirrors, func(m *k3sMirror) bool { return m.host == host }) && configs[host].says() {
			e := s.entry(host, configs[host].line)
			if host == spec.AnyRegistry {
				e.Leave("TLS and logins for every registry cannot be said: name the registries")
				continue
			}
			s.write(e, []draft.Ask{k3sDefault(host, configs)})
		}
	}
}

type k3sMirror struct {
	host      string
	line      int
	endpoints []string
	rewrites  []string // from → to
	prefix    string   // what stands before each path by the only rewrite; empty: none, or another
}

type k3sConfig struct {
	line                   int
	ca, cert, key          string
	skip                   bool
	user, password, secret string // secret: where the password stands
}

func (c *k3sConfig) says() bool {
	return c != nil && (c.ca != "" || c.cert != "" || c.skip || c.user != "")
}

func (s *source) k3sMirror(host string, at, value *yaml.Node) *k3sMirror {
	m := &k3sMirror{host: host, line: at.Line}
	s.keys(value, "the mirror "+host, func(key string, at, value *yaml.Node) {
		switch key {
		case "endpoint":
			m.endpoints = s.texts(value, "endpoint")
		case "rewrite":
			s.keys(value, "rewrite", func(from string, at, value *yaml.Node) {
				to := s.text(value, "a rewrite")
				m.rewrites = append(m.rewrites, from+" → "+to)
				prefix, all := strings.CutSuffix(to, "/$1")
				m.prefix = ""
				if all && len(m.rewrites) == 1 && slices.Contains([]string{"(.*)", "^(.*)", "^(.*)$", "(.*)$"}, from) {
					m.prefix = strings.Trim(prefix, "/")
				}
			})
		default:
			s.unknown("a mirror", key, at)
		}
	})
	return m
}

func (s *source) k3sConfig(host string, at, value *yaml.Node) *k3sConfig {
	c := &k3sConfig{line: at.Line}
	s.keys(value, "the config of "+host, func(key string, at, value *yaml.Node) {
		switch key {
		case "tls":
			s.keys(value, "tls", func(key string, at, value *yaml.Node) {
				switch key {
				case "ca_file":
					c.ca = s.text(value, key)
				case "cert_file":
					c.cert = s.text(value, key)
				case "key_file":
					c.key = s.text(value, key)
				case "insecure_skip_verify":
					c.skip = s.truth(value, key)
				default:
					s.unknown("tls", key, at)
				}
			})
		case "auth":
			s.k3sAuth(c, host, value)
		default:
			s.unknown("a config", key, at)
		}
	})
	return c
}

// k3sAuth reads a login: user name and password, or both in base64 as docker login writes them.
func (s *source) k3sAuth(c *k3sConfig, host string, value *yaml.Node) {
	s.keys(value, "auth", func(key string, at, value *yaml.Node) {
		switch key {
		case "username":
			c.user = s.text(value, key)
		case "password":
			c.password, c.secret = s.text(value, key), "at "+s.at(at.Line)
		case "auth":
			both, err := base64.StdEncoding.DecodeString(s.text(value, key))
			user, password, ok := strings.Cut(strings.TrimRight(string(both), "\x00"), ":")
			if err != nil || !ok {
				s.tail("%s: auth of %s is no user name and password in base64; no credential is made of it.", s.at(at.Line), host)
				return
			}
			c.user, c.password, c.secret = user, password, "at "+s.at(at.Line)+", behind the user name in base64"
		case "identity_token", "identitytoken", "registry_token":
			s.tail("%s: %s of %s cannot be a credential here, which is a user name with a password; containerd is sent no token of a file.", s.at(at.Line), key, host)
		default:
			s.unknown("auth", key, at)
		}
	})
}

// k3sEntry writes one mirror.
func (s *source) k3sEntry(m *k3sMirror, configs map[string]*k3sConfig) {
	if len(m.endpoints) == 0 && !configs[m.host].says() {
		s.tail("%s: the mirror %s names no endpoint, for which only k3s' embedded registry makes a difference.", s.at(m.line), m.host)
		return
	}
	e := s.entry(m.host, m.line)
	var asks []draft.Ask
	for _, url := range m.endpoints {
		a, host := k3sEndpoint(url, draft.MirrorCaps)
		k3sSettings(&a, configs[host])
		if m.prefix != "" {
			a.URL = strings.TrimSuffix(a.URL, "/v2") + "/v2/" + m.prefix
		}
		asks = append(asks, a)
	}
	for _, r := range m.rewrites {
		e.Note("rewrite %s: containerd changes no repository's name. Where all of a mirror's images lie below one path, the path can stand in the endpoint: https://HOST/v2/PATH", r)
	}
	switch {
	case m.prefix != "":
		e.Leave("it has a rewrite; the endpoints below say the same by a path. Look whether that is what is meant, and take the marks off")
	case m.rewrites != nil:
		e.Leave("it has rewrites, and without them other images would be asked for")
	}
	s.write(e, append(asks, k3sDefault(m.host, configs)))
}

// k3sDefault is the registry itself.
func k3sDefault(host string, configs map[string]*k3sConfig) draft.Ask {
	if host == spec.AnyRegistry {
		return draft.Ask{URL: anyone, Caps: draft.AllCaps}
	}
	a, _ := k3sEndpoint(host, draft.AllCaps)
	config := configs[host]
	if host == "docker.io" && configs["registry-1.docker.io"] != nil {
		config = configs["registry-1.docker.io"]
	}
	k3sSettings(&a, config)
	return a
}

// k3sEndpoint reads an endpoint as k3s does (normalizeEndpointAddress), and gives the name by which configs knows its host. A path is
// the API root as it stands; loopback with a port speaks http where no scheme stands.
func k3sEndpoint(url string, caps []string) (a draft.Ask, host string) {
	standard, authority := "https", strings.SplitN(url, "/", 2)[0]
	i := strings.LastIndexByte(authority, ':')
	if i > 0 && !strings.HasSuffix(authority, "]") && authority[i:] != ":443" && loopback(strings.Trim(authority[:i], "[]")) {
		standard = "http"
	}
	scheme, host, path := split(url, standard)
	a = draft.Ask{Caps: caps}
	at := host
	if host == "docker.io" || host == "registry-1.docker.io" {
		host, at = "docker.io", "registry-1.docker.io"
	}
	if path == "" {
		path = "/v2"
	}
	a.URL = scheme + "://" + at + path
	return a, host
}

func loopback(name string) bool {
	return name == "localhost" || strings.HasPrefix(name, "127.") || name == "::1"
}

// k3sSettings adds TLS and login.
func k3sSettings(a *draft.Ask, c *k3sConfig) {
	if c == nil {
		return
	}
	if strings.HasPrefix(a.URL, "https://") {
		if a.Skip = c.skip; !a.Skip && c.ca != "" {
			a.CA = []string{c.ca}
		}
		if c.cert != "" || c.key != "" {
			a.Client = [][2]string{{c.cert, c.key}}
		}
	} else if c.ca != "" || c.cert != "" || c.skip {
		a.How = "it is http and has TLS settings, with which containerd asks it by https first"
	}
	if c.user != "" {
		a.Authorize(c.user, c.password, c.secret)
	}
}
