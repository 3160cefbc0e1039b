package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pelletier/go-toml"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/spec"
)

// registriesConf reads registries.conf of Podman, Buildah and CRI-O (containers-registries.conf(5)). A [[registry]] is for the names that begin
// with its prefix; its mirrors are asked in order, then its location. What is not for a whole registry cannot be said here: containerd has
// directories for registries, and for nothing smaller.
func (s *source) registriesConf(data []byte) {
	tree, err := load(data)
	if err != nil {
		s.notTOML(err)
		return
	}
	for _, key := range inOrder(tree) {
		line := tree.GetPosition(key).Line
		switch key {
		case "unqualified-search-registries":
			s.tail("%s: %s: Kubernetes takes a name without a registry for one of Docker Hub's, wherever else images are looked for here.", s.at(line), key)
		case "short-name-mode", "aliases":
			s.tail("%s: %s: names without a registry are Docker Hub's for Kubernetes; write names in full.", s.at(line), key)
		case "credential-helpers":
			s.tail("%s: %s: write credentials with helper: NAME, and name them where they are to be used.", s.at(line), key)
		case "additional-layer-store-auth-helper":
			s.others = append(s.others, fmt.Sprintf("%s (line %d)", key, line))
		case "registry":
			s.tables(tree, key, func(t *toml.Tree) { s.confRegistry(t) })
		case "registries":
			s.oldConf(tree)
		default:
			s.tail("%s: %q is no key of registries.conf that is known here; nothing is made of it.", s.at(line), key)
		}
	}
}

// load parses TOML, with positions. Some faults of the parser are panics.
func load(data []byte) (tree *toml.Tree, err error) {
	defer func() {
		if p := recover(); p != nil {
			tree, err = nil, fmt.Errorf("%v", p)
		}
	}()
	return toml.LoadBytes(data)
}

var tomlPlace = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\((\d+), (\d+)\): `) })

func (s *source) notTOML(err error) {
	message, line, col := err.Error(), 1, 1
	if m := tomlPlace().FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		col, _ = strconv.Atoi(m[2])
		message = message[len(m[0]):]
	}
	s.report(line, col, "not TOML: %s", message)
}

// inOrder gives the keys of a table in the order in which they stand.
func inOrder(t *toml.Tree) []string {
	keys := t.Keys()
	slices.SortStableFunc(keys, func(a, b string) int {
		x, y := t.GetPositionPath([]string{a}), t.GetPositionPath([]string{b})
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return strings.Compare(a, b)
	})
	return keys
}

// tables calls f for each table of an array of tables.
func (s *source) tables(t *toml.Tree, key string, f func(*toml.Tree)) {
	list, ok := t.GetPath([]string{key}).([]*toml.Tree)
	if !ok {
		at := t.GetPositionPath([]string{key})
		s.report(at.Line, at.Col, "%s should be an array of tables: [[%s]]", key, key)
		return
	}
	for _, t := range list {
		f(t)
	}
}

// tomlText gives the text behind a key; empty where there is none.
func (s *source) tomlText(t *toml.Tree, key string) string {
	v := t.GetPath([]string{key})
	text, ok := v.(string)
	if v != nil && !ok {
		at := t.GetPositionPath([]string{key})
		s.report(at.Line, at.Col, "%s should be text", key)
	}
	return text
}

func (s *source) tomlTruth(t *toml.Tree, key string) bool {
	v := t.GetPath([]string{key})
	truth, ok := v.(bool)
	if v != nil && !ok {
		at := t.GetPositionPath([]string{key})
		s.report(at.Line, at.Col, "%s should be true or false", key)
	}
	return truth
}

// strange names the keys of a table that are not known here.
func (s *source) strange(t *toml.Tree, what string, known ...string) {
	for _, key := range inOrder(t) {
		if !slices.Contains(known, key) {
			s.tail("%s: %q is no key of %s that is known here; nothing is made of it.", s.at(t.GetPositionPath([]string{key}).Line), key, what)
		}
	}
}

// confRegistry reads one [[registry]].
func (s *source) confRegistry(t *toml.Tree) {
	s.strange(t, "[[registry]]", "prefix", "location", "insecure", "blocked", "mirror", "mirror-by-digest-only")
	location, prefix := s.tomlText(t, "location"), s.tomlText(t, "prefix")
	line := t.Position().Line
	if prefix == "" {
		prefix = location
	}
	if prefix == "" {
		s.report(line, 1, "a [[registry]] has neither prefix nor location")
		return
	}
	host, path, _ := strings.Cut(prefix, "/")
	if strings.HasPrefix(prefix, "*.") || path != "" {
		s.tail("%s: the registry %s is no whole registry: containerd has mirrors for registries, and for nothing smaller. If all of %s may go that way, write it for %s.", s.at(line), prefix, host, host)
		return
	}
	e := s.entry(host, line)
	insecure := s.tomlTruth(t, "insecure")
	if s.tomlTruth(t, "blocked") {
		if t.Has("mirror") {
			e.Note("it is blocked, and its mirrors are never asked")
		}
		s.write(e, []draft.Ask{{URL: draft.Upstream(host), Caps: []string{"push"}}})
		return
	}
	var asks []draft.Ask
	if t.Has("mirror") {
		digests := s.tomlTruth(t, "mirror-by-digest-only")
		s.tables(t, "mirror", func(m *toml.Tree) { asks = append(asks, s.confMirror(e, m, digests)) })
	}
	last := s.upstream(host)
	if location != "" && location != prefix {
		last = confAsk(e, location, insecure, draft.AllCaps)
	} else if insecure {
		last = confAsk(e, host, insecure, draft.AllCaps)
	}
	s.write(e, append(asks, last))
}

// confMirror reads one [[registry.mirror]]. One that is for digests alone may pull and not resolve: what a digest stands for is the same anywhere.
func (s *source) confMirror(e *draft.Entry, t *toml.Tree, digests bool) draft.Ask {
	s.strange(t, "[[registry.mirror]]", "location", "insecure", "pull-from-mirror")
	location, line := s.tomlText(t, "location"), t.Position().Line
	if location == "" {
		s.report(line, 1, "a [[registry.mirror]] has no location")
	}
	caps := draft.MirrorCaps
	how := s.tomlText(t, "pull-from-mirror")
	if digests || how == "digest-only" {
		caps = []string{"pull"}
	}
	a := confAsk(e, location, s.tomlTruth(t, "insecure"), caps)
	if how == "tag-only" {
		a.How = fmt.Sprintf("it is for tags alone (%s), and containerd asks all endpoints for content", s.at(line))
	} else if !slices.Contains([]string{"", "all", "digest-only"}, how) {
		s.report(line, 1, "pull-from-mirror should be all, digest-only or tag-only")
	}
	return a
}

// confAsk is whom a location means.
func confAsk(e *draft.Entry, location string, insecure bool, caps []string) draft.Ask {
	_, host, path := split(location, "")
	a := draft.Ask{URL: "https://" + host + "/v2" + path, Caps: caps}
	if host == "docker.io" {
		a.URL = draft.Hub + path
	}
	if insecure {
		a.URL = "http://" + host + "/v2" + path
		e.Note("%s is insecure, which there means TLS without verification first, and http then; here http is meant. If it speaks TLS, write https://, also under insecure", host)
	}
	return a
}

// oldConf reads the older form of the file.
func (s *source) oldConf(tree *toml.Tree) {
	t, ok := tree.Get("registries").(*toml.Tree)
	if !ok {
		s.report(1, 1, "registries should be a table")
		return
	}
	for _, key := range inOrder(t) {
		list, _ := t.GetPath([]string{key, "registries"}).([]any)
		line := t.GetPositionPath([]string{key}).Line
		for _, v := range list {
			host, ok := v.(string)
			switch {
			case !ok:
				s.report(line, 1, "registries of %s should be texts", key)
			case key == "insecure":
				e := s.entry(host, line)
				s.write(e, []draft.Ask{confAsk(e, host, true, draft.AllCaps)})
			case key == "block":
				e := s.draft.Entry(host)
				e.Note("%s", s.at(line))
				e.Registry, e.Mirror, e.Insecure = &spec.Registry{Host: host, Blocked: true}, nil, nil
			default:
				s.tail("%s: %s: Kubernetes takes a name without a registry for one of Docker Hub's (%s).", s.at(line), key, host)
			}
		}
	}
}
