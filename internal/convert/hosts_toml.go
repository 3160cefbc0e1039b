package convert

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	toml1 "github.com/pelletier/go-toml"
	toml2 "github.com/pelletier/go-toml/v2"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/spec"
)

// hostsTOML reads a hosts.toml that is not on a node, and gives whom containerd asks by it. It takes the forms that all versions read alike, and
// says why where the text has another: 1.x and 2.x differ in which hosts they see and in what they pass over (remotes/docker/config/hosts.go of
// either). implicit says that nothing is said of the registry itself. first is the line of the file that the text begins on.
func (s *source) hostsTOML(e *draft.Entry, text string, first int, host, dir string) (asks []draft.Ask, implicit bool, why string) {
	tree, err := load([]byte(text))
	var plain map[string]any
	if err2 := toml2.Unmarshal([]byte(text), &plain); err != nil || err2 != nil || strings.HasPrefix(text, "\ufeff") {
		return nil, false, "containerd passes over it: it is no TOML that every version reads"
	}
	f := hosts{s, e, tree, first, dir}
	table, ok := tree.Get("host").(*toml1.Tree)
	switch {
	case tree.Get("host") == nil:
		e.Note("%s: without a host table containerd before 1.7.32 passes over the file; what regsync writes is read by every version", s.at(first))
		table = &toml1.Tree{}
	case !ok:
		return nil, false, "containerd cannot read it: host is no table"
	}
	names, why := f.names(text, table)
	if why != "" {
		return nil, false, why
	}
	f.unknown(tree, append([]string{"server", "host"}, hostKeys...))
	for _, name := range names {
		t := table.GetPath([]string{name}).(*toml1.Tree)
		f.unknown(t, hostKeys)
		if t.Has("server") {
			f.note(t, "server", "server belongs to the host above it and names no upstream")
		}
		asks = append(asks, f.ask(name, t))
	}
	server, _ := tree.Get("server").(string)
	switch {
	case tree.Has("server") && server == "":
		return nil, false, "its server is no text"
	case server != "":
		return append(asks, f.ask(server, tree)), false, ""
	}
	last := draft.Ask{URL: draft.Upstream(host), Caps: draft.AllCaps}
	if host == spec.AnyRegistry {
		last.URL = anyone
	}
	if strings.HasPrefix(host, "localhost") || strings.HasPrefix(host, "127.") || strings.HasPrefix(host, "[::1]") {
		last.How = "without a server containerd asks a loopback by https first, and by http then"
	}
	for _, key := range []string{"ca", "client", "skip_verify", "header", "override_path"} {
		if tree.Has(key) {
			last.How = key + " stands at the root without a server, and holds for the registry itself"
		}
	}
	return append(asks, last), true, ""
}

var hostKeys = []string{"capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout"}

// hosts is a hosts.toml that is read.
type hosts struct {
	*source
	entry *draft.Entry
	tree  *toml1.Tree
	first int
	dir   string
}

// header is the line of a table: the name of a host in quotes, and what stands behind it.
var header = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*host[ \t]*\.[ \t]*(?:"([^"\\\n]*)"|'([^'\n]*)')[ \t]*(?:\.[ \t]*(header))?[ \t]*\][ \t]*(?:#.*)?\r?$`)
})

// names gives the hosts in the order in which every version asks them. Each must be a table of its own, with its headers right behind: 2.x sees
// no other, and asks one twice that it meets again.
func (f hosts) names(text string, table *toml1.Tree) (names []string, why string) {
	const other = "its hosts are not all tables of their own, [host.\"URL\"] with the headers right behind, which is all that every version of containerd reads alike"
	last := ""
	for _, m := range header().FindAllStringSubmatch(text, -1) {
		name := m[1] + m[2]
		switch {
		case m[3] != "" && name != last:
			return nil, other
		case m[3] == "" && slices.Contains(names, name):
			return nil, other
		case m[3] == "":
			names = append(names, name)
		}
		last = name
	}
	if len(names) != len(table.Keys()) || strings.Contains(text, `"""`) || strings.Contains(text, "'''") {
		return nil, other
	}
	line := 0
	for _, name := range names {
		t, ok := table.GetPath([]string{name}).(*toml1.Tree)
		if !ok || t.Position().Line <= line {
			return nil, other
		}
		line = t.Position().Line
	}
	return names, ""
}

// unknown says what means nothing, or something to 2.x alone.
func (f hosts) unknown(t *toml1.Tree, known []string) {
	for _, key := range t.Keys() {
		switch lower := strings.ToLower(key); {
		case slices.Contains(known, key):
		case slices.Contains(known, lower):
			f.entry.Leave("line %d: %s is read by containerd 2.x alone, as %s", f.line(t, key), key, lower)
		default:
			f.note(t, key, fmt.Sprintf("key %q is unknown to containerd, and ignored", key))
		}
	}
}

func (f hosts) line(t *toml1.Tree, key string) int {
	return f.first + max(t.GetPositionPath([]string{key}).Line, 1) - 1
}

func (f hosts) note(t *toml1.Tree, key, what string) {
	f.entry.Note("%s: %s", f.at(f.line(t, key)), what)
}

// ask reads one host, or the server with what stands at the root.
func (f hosts) ask(name string, t *toml1.Tree) draft.Ask {
	override, ok := t.Get("override_path").(bool)
	bad := t.Has("override_path") && !ok
	a := f.api(name, override)
	a.Caps = draft.AllCaps
	skip, ok := t.Get("skip_verify").(bool)
	bad = bad || t.Has("skip_verify") && !ok
	a.CA, ok = f.files(t.Get("ca"))
	bad = bad || !ok
	a.Client, ok = f.pairs(t.Get("client"))
	bad = bad || !ok
	if v := t.Get("capabilities"); v != nil {
		caps, ok := texts(v)
		bad = bad || !ok || len(caps) == 0 && !ok
		a.Caps = capabilities(caps)
		bad = bad || a.Caps == nil
	}
	a.Dial, ok = t.Get("dial_timeout").(string)
	bad = bad || t.Has("dial_timeout") && !ok
	var fine bool
	a.Header, fine = headers(t.Get("header"))
	a.Where = "in the Authorization header at " + f.at(f.line(t, "header")) + " or below, behind the user name in base64"
	a.Skip = skip
	switch plain := strings.HasPrefix(a.URL, "http://"); {
	case bad || !fine:
		a.How = "a value is none that containerd reads, and then it passes over the file"
	case !sound(name):
		a.How = "it is no URL that is read alike everywhere"
	case plain && (t.Has("ca") || t.Has("client") || t.Has("skip_verify")):
		a.How = "it is http and has TLS keys, with which containerd asks it by https first"
	case len(a.Client) > 1:
		a.How = "it is shown several client certificates"
	}
	if a.Skip {
		a.CA = nil
	}
	return a
}

// plainURL is a URL, or a host with or without a path, that nothing is cleaned, escaped or dropped of.
var plainURL = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(https?://)?[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?$`)
})

// sound reports whether a name is a URL that every version reads alike. One without a scheme that begins with http gets none.
func sound(name string) bool {
	_, _, p := split(name, "https")
	return plainURL().MatchString(name) && path.Clean("/"+p) == "/"+strings.TrimPrefix(p, "/") &&
		(strings.Contains(name, "://") || !strings.HasPrefix(name, "http"))
}

// capabilities gives what every version knows, in order; nil where one does not.
func capabilities(list []string) []string {
	if len(list) == 0 {
		return draft.AllCaps
	}
	var caps []string
	for _, c := range draft.AllCaps {
		if slices.ContainsFunc(list, func(o string) bool { return strings.EqualFold(o, c) }) {
			caps = append(caps, c)
		}
	}
	for _, c := range list {
		if !slices.Contains(draft.AllCaps, strings.ToLower(c)) {
			return nil
		}
	}
	return caps
}

func texts(v any) (all []string, ok bool) {
	list, ok := v.([]any)
	for _, x := range list {
		text, is := x.(string)
		if ok = ok && is; ok {
			all = append(all, text)
		}
	}
	return all, ok
}

// files gives the paths behind ca.
func (f hosts) files(v any) (all []string, ok bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		all, ok = []string{v}, true
	default:
		all, ok = texts(v)
	}
	for i := range all {
		all[i] = f.absolute(all[i])
		ok = ok && all[i] != ""
	}
	return all, ok && len(all) > 0
}

func (f hosts) absolute(name string) string {
	if name == "" || path.IsAbs(name) {
		return name
	}
	return path.Join(f.dir, name)
}

// pairs gives client certificates with their keys: a file alone holds both.
func (f hosts) pairs(v any) (all [][2]string, ok bool) {
	if v == nil {
		return nil, true
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, x := range list {
		names, ok := f.files(x)
		if !ok || len(names) > 2 {
			return nil, false
		}
		all = append(all, [2]string{names[0], names[len(names)-1]})
	}
	return all, len(all) > 0
}

// headers gives the header table of a host.
func headers(v any) (map[string][]string, bool) {
	out := map[string][]string{}
	if v == nil {
		return out, true
	}
	t, ok := v.(*toml1.Tree)
	if !ok {
		return nil, false
	}
	for _, name := range t.Keys() {
		switch v := t.GetPath([]string{name}).(type) {
		case string:
			out[name] = []string{v}
		default:
			if out[name], ok = texts(v); !ok {
				return nil, false
			}
		}
	}
	return draft.Canonical(out), true
}
