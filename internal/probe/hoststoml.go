package probe

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	toml1 "github.com/pelletier/go-toml"
	toml2 "github.com/pelletier/go-toml/v2"

	"github.com/regsync/regsync/render"
)

// hostsFile is what a hosts.toml says, for people: whom containerd asks comes from its own loader.
type hostsFile struct {
	dir    string
	root   map[string]any
	tables map[string]map[string]any // by the URL as it stands
	table  bool                      // it has a host table, without which 1.6 does not read it
	secret bool                      // a header of it carries a credential, or may
	sound  bool                      // it is TOML
	drawn  bool                      // its hosts stand on one line, and 1.x has no order of them
}

func parseHosts(dir string, data []byte) hostsFile {
	f := hostsFile{dir: dir, tables: map[string]map[string]any{}, secret: render.Confides("hosts.toml", data)}
	tree, err := load1(data)
	if err == nil {
		f.sound, f.root = true, tree.ToMap()
		var hosts *toml1.Tree
		if hosts, f.table = tree.Get("host").(*toml1.Tree); f.table {
			f.drawn = sharesLine(hosts)
		}
	} else if toml2.Unmarshal(data, &f.root) == nil {
		f.sound = true
		_, f.table = f.root["host"].(map[string]any)
	}
	if hosts, ok := f.root["host"].(map[string]any); ok {
		for name, v := range hosts {
			f.tables[name], _ = v.(map[string]any)
		}
	}
	return f
}

// sharesLine reports whether two hosts stand on one line, by which 1.x orders them (getSortedHosts).
func sharesLine(hosts *toml1.Tree) bool {
	lines := map[int]bool{}
	for _, name := range hosts.Keys() {
		host, ok := hosts.GetPath([]string{name}).(*toml1.Tree)
		if !ok {
			continue
		}
		if lines[host.Position().Line] {
			return true
		}
		lines[host.Position().Line] = true
	}
	return false
}

// load1 reads TOML with 1.x's parser, some of whose faults are panics.
func load1(data []byte) (tree *toml1.Tree, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return toml1.LoadBytes(data)
}

// of gives the table that an endpoint comes from: a host's, or the file itself for the upstream.
func (f hostsFile) of(api string, upstream bool) map[string]any {
	if upstream {
		return f.root
	}
	for _, name := range sorted(f.tables) {
		if apiOf(name, f.tables[name]) == api {
			return f.tables[name]
		}
	}
	return nil
}

// twice reports whether two tables are of one API root, so that none of them is the one that an endpoint comes from.
func (f hostsFile) twice(api string) bool {
	n := 0
	for name, table := range f.tables {
		if apiOf(name, table) == api {
			n++
		}
	}
	return n > 1
}

func apiOf(name string, table map[string]any) string {
	override, _ := table["override_path"].(bool)
	return APIRoot(name, override)
}

// APIRoot gives the API root that a host's name in a hosts.toml means (parseHostConfig of remotes/docker/config); empty where it means none.
func APIRoot(name string, override bool) string {
	if name == "" {
		return ""
	}
	if !strings.HasPrefix(name, "http") {
		name = "https://" + name
	}
	u, err := url.Parse(name)
	if err != nil {
		return ""
	}
	p := u.Path
	if p != "" {
		p = path.Clean(p)
		if !strings.HasSuffix(p, "/v2") && !override {
			p += "/v2"
		}
	} else if !override {
		p = "/v2"
	}
	return u.Scheme + "://" + u.Host + p
}

// files gives the paths behind a key, ca or client, as the node names them.
func (f hostsFile) files(table map[string]any, key string) []string {
	var all []string
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case string:
			if v != "" && !filepath.IsAbs(v) {
				v = filepath.Join(f.dir, v)
			}
			all = append(all, v)
		case []any:
			for _, x := range v {
				add(x)
			}
		}
	}
	add(table[key])
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// leads reports whether a file is named that is not below the prefix.
func (f hostsFile) leads(prefix string) bool {
	for _, table := range append(slices.Collect(maps.Values(f.tables)), f.root) {
		for _, name := range append(f.files(table, "ca"), f.files(table, "client")...) {
			if !strings.HasPrefix(name, prefix+"/") {
				return true
			}
		}
	}
	return false
}

var hostKeys = []string{"capabilities", "ca", "client", "skip_verify", "header", "override_path"}

// notes says what of the file means nothing, or something else than it seems, to a major version that asks these endpoints.
func (f hostsFile) notes(major int, asks []Endpoint) []string {
	var notes []string
	keys := hostKeys
	if major >= 2 {
		keys = append(slices.Clone(keys), "dial_timeout")
	}
	unknown := func(table map[string]any, known []string, where string) {
		for _, key := range sorted(table) {
			switch {
			case slices.Contains(known, key):
			case major >= 2 && slices.Contains(known, strings.ToLower(key)): // 2.x reads keys without regard to case
				if key != "host" && !strings.EqualFold(key, "host") {
					notes = append(notes, fmt.Sprintf("key %q%s is read by containerd 2.x only, as %q", key, where, strings.ToLower(key)))
				}
			case key == "dial_timeout":
				notes = append(notes, fmt.Sprintf("key %q%s means nothing to containerd 1.x", key, where))
			default:
				notes = append(notes, fmt.Sprintf("key %q%s is unknown to containerd, and ignored", key, where))
			}
		}
	}
	unknown(f.root, append([]string{"server", "host"}, keys...), "")
	for _, name := range sorted(f.tables) {
		table := f.tables[name]
		unknown(table, keys, fmt.Sprintf(" of host %q", name))
		if _, ok := table["server"]; ok {
			notes = append(notes, fmt.Sprintf("server stands below host %q and belongs to it: it names no upstream", name))
		}
		if api := apiOf(name, table); !slices.ContainsFunc(asks, func(e Endpoint) bool { return e.URL == api || e.URL == strings.Replace(api, "https://", "http://", 1) }) {
			switch {
			case major >= 2:
				notes = append(notes, fmt.Sprintf("host %q is not asked: containerd 2.x reads hosts only where each is a table, [host.%q]", name, name))
			default:
				notes = append(notes, fmt.Sprintf("host %q is not asked", name))
			}
		}
		if strings.HasPrefix(name, "http") && !strings.Contains(name, "://") {
			notes = append(notes, fmt.Sprintf("host %q begins with http, so that no https:// is put before it: it cannot be asked", name))
		}
	}
	if f.drawn && major < 2 {
		notes = append(notes, "hosts stand on one line: containerd 1.x draws their order anew at each request")
	}
	for _, e := range asks {
		if major < 2 && strings.Contains(e.Credentials, "Authorization") {
			notes = append(notes, "the Authorization header of "+e.URL+" is not shown where a registry gives out tokens: containerd 1.x sends it to the registry itself only")
		}
		if table := f.of(e.URL, e.Upstream); strings.HasPrefix(e.TLS, "https first") && (table["ca"] != nil || table["client"] != nil || table["skip_verify"] != nil) {
			notes = append(notes, e.URL+" is asked by https first because of its ca, client or skip_verify; without these keys it is plain http")
		}
	}
	if _, ok := f.root["server"]; !ok {
		if _, ok := f.root["capabilities"]; ok {
			notes = append(notes, "capabilities without server mean nothing")
		}
	}
	return notes
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
