package render

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// onNode gives the path of a certificate's file on the node; empty where it stands elsewhere: beside the spec, or in it.
func (c *chart) onNode(entry string) string {
	if !path.IsAbs(entry) || c.beside[entry] {
		return ""
	}
	return path.Clean(entry)
}

// stayNamed gives the road with those certificates named where they stand that the directory's own hosts.toml names there already. Of all
// others the directory gets a copy.
func stayNamed(r Road, base Dir, dir string) Road {
	named := namedFiles(base.Hosts)
	if len(named) == 0 {
		return r
	}
	find := func(file string) string {
		i := slices.IndexFunc(named, func(name string) bool {
			if !path.IsAbs(name) {
				name = path.Join(dir, name)
			}
			return file != "" && path.Clean(name) == file
		})
		if i < 0 {
			return ""
		}
		return named[i]
	}
	r.Mirrors = slices.Clone(r.Mirrors)
	for i := range r.Mirrors {
		r.Mirrors[i].stayNamed(find)
	}
	if r.Server != nil {
		server := *r.Server
		server.stayNamed(find)
		r.Server = &server
	}
	return r
}

// stayNamed does so for one endpoint. find gives the name by which a file is named; empty: it is not.
func (e *Endpoint) stayNamed(find func(file string) string) {
	var copies [][]byte
	for i, pem := range e.CA {
		if name := find(e.caFrom[i]); name != "" {
			e.CAFiles = append(slices.Clip(e.CAFiles), name)
		} else {
			copies = append(copies, pem)
		}
	}
	e.CA, e.caFrom = copies, nil
	cert, key := find(e.clientFrom[0]), find(e.clientFrom[1])
	if e.Cert != nil && cert != "" && key != "" {
		e.ClientFiles = append(slices.Clip(e.ClientFiles), [2]string{cert, key})
		e.Cert, e.Key = nil, nil
	}
}

// namedFiles gives the names of the certificates and keys that a hosts.toml names, as they stand there: absolute ones, and those in its own
// directory that look like such files. What hosts.toml could not have in ASCII is left out.
func namedFiles(hosts []byte) []string {
	type host struct{ CA, Client any }
	var file struct {
		host
		Host map[string]host
	}
	text := bytes.ToValidUTF8(bytes.TrimPrefix(hosts, utf8BOM), []byte("?")) // as containerd 1.x reads it
	if len(hosts) == 0 || toml.Unmarshal(text, &file) != nil {
		return nil
	}
	var names []string
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case string:
			beside := path.Base(v) == v && slices.Contains([]string{".crt", ".cert", ".key", ".pem"}, path.Ext(v))
			if (path.IsAbs(v) || beside) && ascii(v) == v && !strings.ContainsAny(v, `"\\`) {
				names = append(names, v)
			}
		case []any:
			for _, x := range v {
				add(x)
			}
		}
	}
	add(file.CA)
	add(file.Client)
	for _, h := range file.Host {
		add(h.CA)
		add(h.Client)
	}
	slices.Sort(names)
	return names
}
