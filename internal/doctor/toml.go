package doctor

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// entry is a key of a TOML file, or the head of a table.
type entry struct {
	path   []string
	line   int
	head   bool // [a.b] or [[a.b]]
	array  bool // [[a.b]]
	dotted bool // the key is a.b = …
	inline bool // it stands in a table that is on one line
	kind   unstable.Kind
	value  string   // of a string
	list   []string // the strings of a list, and of lists in it
	nested bool     // of a list: it has lists in it
	yes    bool     // it is true
}

// document is a TOML file as somebody sees it who wants to know where things stand.
type document struct {
	entries []entry
	broken  bool
	line    int // on which it is broken; 0: not known
}

// readTOML reads data as far as it is TOML. A byte order mark and old line ends are left to the rules that know of them.
func readTOML(data []byte) document {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	var d document
	if err := toml.Unmarshal(data, new(map[string]any)); err != nil {
		d.broken = true
		if decode := (*toml.DecodeError)(nil); errors.As(err, &decode) {
			d.line, _ = decode.Position()
		}
	}
	r := reading{document: &d, data: data}
	var p unstable.Parser
	p.Reset(data)
	for p.NextExpression() {
		switch node := p.Expression(); node.Kind {
		case unstable.Table, unstable.ArrayTable:
			path, line := r.key(node)
			r.head = path
			d.entries = append(d.entries, entry{path: path, line: line, head: true, array: node.Kind == unstable.ArrayTable})
		case unstable.KeyValue:
			r.pair(node, r.head, false)
		}
	}
	return d
}

// reading is a document that is being read.
type reading struct {
	*document
	data []byte
	head []string // of the table that keys belong to now
}

func (r *reading) key(node *unstable.Node) (path []string, line int) {
	for it := node.Key(); it.Next(); {
		n := it.Node()
		if path == nil {
			line = 1 + bytes.Count(r.data[:n.Raw.Offset], []byte("\n"))
		}
		path = append(path, string(n.Data))
	}
	return path, line
}

// pair takes in a key with its value, and the keys of a table on one line.
func (r *reading) pair(node *unstable.Node, table []string, inline bool) {
	key, line := r.key(node)
	value := node.Value()
	e := entry{path: slices.Concat(table, key), line: line, dotted: len(key) > 1, inline: inline, kind: value.Kind}
	switch value.Kind {
	case unstable.String:
		e.value = string(value.Data)
	case unstable.Bool:
		e.yes = string(value.Data) == "true"
	case unstable.Array:
		for it := value.Children(); it.Next(); {
			switch n := it.Node(); n.Kind {
			case unstable.String:
				e.list = append(e.list, string(n.Data))
			case unstable.Array:
				e.nested = true
				for of := n.Children(); of.Next(); {
					e.list = append(e.list, string(of.Node().Data))
				}
			}
		}
	}
	r.entries = append(r.entries, e)
	if value.Kind != unstable.InlineTable {
		return
	}
	for it := value.Children(); it.Next(); {
		r.pair(it.Node(), e.path, true)
	}
}

// at gives the line of what has this path; 0: there is nothing.
func (d document) at(path ...string) int {
	if e, ok := d.get(path...); ok {
		return e.line
	}
	return 0
}

// get gives the first entry with this path.
func (d document) get(path ...string) (entry, bool) {
	i := slices.IndexFunc(d.entries, func(e entry) bool { return slices.Equal(e.path, path) })
	if i < 0 {
		return entry{}, false
	}
	return d.entries[i], true
}

// below gives the first line of what is at a path or below it.
func (d document) below(path ...string) int {
	for _, e := range d.entries {
		if len(e.path) >= len(path) && slices.Equal(e.path[:len(path)], path) {
			return e.line
		}
	}
	return 0
}

// typographic are the quotes that word processors and web pages put in place of " and '.
const typographic = "“”„‟«»‘’‚‛"

// quoted gives the line of the first typographic quote that stands outside of comments; 0: there is none.
func quoted(data []byte) int {
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		text, _, _ := strings.Cut(line, "#")
		if strings.ContainsAny(text, typographic) {
			return n
		}
	}
	return 0
}
