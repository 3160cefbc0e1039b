package render

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// document is a TOML file with the place of every key in it. It is never changed: each edit gives a new one.
type document struct {
	bom     bool // a byte order mark stands before data (containerd 1.x reads over it, 2.x does not start)
	data    []byte
	entries []entry // in file order; an inline table comes before its keys
	tree    map[string]any
}

// entry is a table header, or a key and its value.
type entry struct {
	path   []string // from the root of the document
	keys   []span   // of the last len(keys) parts of path, as they stand in the file
	header bool     // [table] or [[table]]
	array  bool     // [[table]]
	inline bool     // the value is an inline table
	within int      // of a key in an inline table: the index of that table's entry; else -1
	under  int      // of a key: the index of the header that it stands under; -1: none
	span            // without the blanks and comments around it
	value  span
}

// span is a range of bytes.
type span struct{ start, end int }

var byteOrderMark = []byte("\ufeff")

// parseDocument reads a TOML file. The error is a *ConfigError.
func parseDocument(file []byte) (*document, error) {
	data, bom := bytes.CutPrefix(file, byteOrderMark)
	d := &document{bom: bom, data: data, tree: map[string]any{}}
	if err := toml.Unmarshal(data, &d.tree); err != nil {
		return nil, tomlError(data, err)
	}
	var p unstable.Parser
	p.Reset(data)
	var table []string
	under := -1
	arrays := map[string]bool{}
	for p.NextExpression() {
		node := p.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			path, keys := keyPath(node)
			e := entry{path: inArray(arrays, path), keys: keys, header: true, within: -1, under: -1, array: node.Kind == unstable.ArrayTable}
			open, closing := "[", "]"
			if e.array {
				open, closing = "[[", "]]"
				arrays[strings.Join(path, "\x00")] = true
				e.path = inArray(arrays, path)
			}
			e.start = bytes.LastIndex(data[:keys[0].start], []byte(open))
			last := keys[len(keys)-1].end
			e.end = last + bytes.Index(data[last:], []byte(closing)) + len(closing)
			table, under = e.path, len(d.entries)
			d.entries = append(d.entries, e)
		case unstable.KeyValue:
			d.addPair(node, table, -1, under)
		}
	}
	if err := p.Error(); err != nil {
		return nil, tomlError(data, err)
	}
	return d, nil
}

// elem stands in a path for the elements of an array of tables. No key that we look for is below one.
const elem = "\x00[]"

// inArray marks those parts of a path that are arrays of tables.
func inArray(arrays map[string]bool, path []string) []string {
	var marked []string
	for i, part := range path {
		marked = append(marked, part)
		if arrays[strings.Join(path[:i+1], "\x00")] {
			marked = append(marked, elem)
		}
	}
	return marked
}

func keyPath(node *unstable.Node) (path []string, keys []span) {
	for it := node.Key(); it.Next(); {
		n := it.Node()
		path = append(path, string(n.Data))
		keys = append(keys, span{int(n.Raw.Offset), int(n.Raw.Offset + n.Raw.Length)})
	}
	return path, keys
}

// addPair adds a key, and, where its value is an inline table, the keys in it.
func (d *document) addPair(node *unstable.Node, table []string, within, under int) {
	path, keys := keyPath(node)
	last := keys[len(keys)-1].end
	value := last + bytes.IndexByte(d.data[last:], '=') + 1
	for d.data[value] == ' ' || d.data[value] == '\t' {
		value++
	}
	e := entry{path: slices.Concat(table, path), keys: keys, within: within, under: under, inline: node.Value().Kind == unstable.InlineTable}
	e.value = span{value, valueEnd(d.data, value)}
	e.span = span{keys[0].start, e.value.end}
	index := len(d.entries)
	d.entries = append(d.entries, e)
	if e.inline {
		for it := node.Value().Children(); it.Next(); {
			d.addPair(it.Node(), e.path, index, under)
		}
	}
}

// valueEnd gives the end of the value that begins at start, in a file that is known to be valid.
func valueEnd(data []byte, start int) int {
	depth := 0
	for at := start; at < len(data); {
		switch c := data[at]; c {
		case '"', '\'':
			at = stringEnd(data, at)
			if depth == 0 {
				return at
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return at + 1
			}
			if depth < 0 {
				return len(bytes.TrimRight(data[:at], " \t"))
			}
		case '#', '\n', ',':
			if depth == 0 {
				return len(bytes.TrimRight(data[:at], " \t\r"))
			}
			if c == '#' {
				at += max(0, bytes.IndexByte(data[at:], '\n'))
			}
		}
		at++
	}
	return len(bytes.TrimRight(data, " \t\r"))
}

// stringEnd gives the end of the string that begins at start.
func stringEnd(data []byte, start int) int {
	quote := data[start]
	mark := bytes.Repeat(data[start:start+1], 3)
	if !bytes.HasPrefix(data[start:], mark) {
		mark = mark[:1]
	}
	at := start + len(mark)
	for !bytes.HasPrefix(data[at:], mark) {
		if data[at] == '\\' && quote == '"' {
			at++
		}
		at++
	}
	at += len(mark)
	for len(mark) == 3 && at < len(data) && data[at] == quote { // up to two quotes may stand before the closing three
		at++
	}
	return at
}

// bytes gives the file.
func (d *document) bytes() []byte {
	if d.bom {
		return slices.Concat(byteOrderMark, d.data)
	}
	return d.data
}

// eol is the line end of the file: that of its first line.
func (d *document) eol() string {
	if at := bytes.IndexByte(d.data, '\n'); at > 0 && d.data[at-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// get gives the value at a path.
func (d *document) get(path ...string) (any, bool) {
	var v any = d.tree
	for _, part := range path {
		table, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = table[part]; !ok {
			return nil, false
		}
	}
	return v, true
}

// find gives the first entry at or under a path; -1: none.
func (d *document) find(path ...string) int {
	return slices.IndexFunc(d.entries, func(e entry) bool { return hasPrefix(e.path, path) })
}

// errorAt gives a *ConfigError for the entry at or under path.
func (d *document) errorAt(path []string, message, hint string) error {
	e := &ConfigError{Message: message, Hint: hint}
	for n := len(path); n > 0; n-- {
		if i := d.find(path[:n]...); i >= 0 && d.data != nil {
			e.Line, e.Col = lineCol(d.data, d.entries[i].start)
			break
		}
	}
	return e
}

func hasPrefix(path, prefix []string) bool {
	return len(path) >= len(prefix) && slices.Equal(path[:len(prefix)], prefix)
}
