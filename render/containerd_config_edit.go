package render

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// set gives the document with the value at path, which is TOML text. What it needs of tables is made.
// Of the places where TOML might allow the key, the first is taken in which nothing else changes its meaning.
func (d *document) set(path []string, value string) (*document, error) {
	want := maps.Clone(d.tree)
	parsed, err := parseDocument([]byte("value = " + value))
	if err != nil {
		return nil, err
	}
	if !graft(want, path, parsed.tree["value"]) {
		return nil, d.errorAt(path, tomlPath(path)+" cannot be set: what stands there is no table", "")
	}
	if equalTOML(want, d.tree) {
		return d, nil
	}
	for _, place := range []func([]string, string) ([]byte, bool){d.replaceValue, d.insertInline, d.insertBelowHeader, d.insertDotted, d.insertTable, d.insertTop} {
		next, ok := place(path, value)
		if !ok {
			continue
		}
		if edited, err := parseDocument(next); err == nil && equalTOML(edited.tree, want) {
			edited.bom = d.bom
			return edited, nil
		}
	}
	return nil, d.errorAt(path, "found no place for "+tomlPath(path)+" that leaves the rest of the file as it is", "write it in by hand")
}

// replaceValue puts another value where the key stands.
func (d *document) replaceValue(path []string, value string) ([]byte, bool) {
	for _, e := range d.entries {
		if !e.header && slices.Equal(e.path, path) {
			return d.splice(e.value, value), true
		}
	}
	return nil, false
}

// insertInline puts the key into the inline table that already holds it, or a part of it.
func (d *document) insertInline(path []string, value string) ([]byte, bool) {
	for n := len(path) - 1; n > 0; n-- {
		for i, e := range d.entries {
			if !e.inline || !slices.Equal(e.path, path[:n]) {
				continue
			}
			text := value
			for k := len(path) - 1; k > n; k-- {
				text = "{ " + tomlKey(path[k]) + " = " + text + " }"
			}
			text = tomlKey(path[n]) + " = " + text
			last := -1
			for k, child := range d.entries {
				if child.within == i {
					last = k
				}
			}
			if last < 0 {
				return d.splice(e.value, "{ "+text+" }"), true
			}
			at := d.entries[last].end
			return d.splice(span{at, at}, ", "+text), true
		}
	}
	return nil, false
}

// insertBelowHeader puts the key first into the table whose header stands in the file.
func (d *document) insertBelowHeader(path []string, value string) ([]byte, bool) {
	parent := path[:len(path)-1]
	for i, e := range d.entries {
		if !e.header || !slices.Equal(e.path, parent) {
			continue
		}
		indent := d.indentOf(e.start) + d.indentUnit()
		for _, child := range d.entries {
			if child.under == i {
				indent = d.indentOf(child.start)
				break
			}
		}
		return d.insertLine(d.lineEnd(e.end), indent+tomlKey(path[len(path)-1])+" = "+value), true
	}
	return nil, false
}

// insertDotted puts the key behind another one of a table that is written as dotted keys (registry.config_path = …).
func (d *document) insertDotted(path []string, value string) ([]byte, bool) {
	parent := path[:len(path)-1]
	for _, e := range slices.Backward(d.entries) {
		own := len(e.path) - len(e.keys) // how much of the path the header gives
		if e.header || e.within >= 0 || !hasPrefix(e.path, parent) || own >= len(parent) {
			continue
		}
		key := d.data[e.start:e.keys[len(parent)-own-1].end]
		return d.insertLine(d.lineEnd(e.end), d.indentOf(e.start)+string(key)+"."+tomlKey(path[len(path)-1])+" = "+value), true
	}
	return nil, false
}

// insertTable makes a table of its own for the key, behind the tables that are nearest to it in name.
func (d *document) insertTable(path []string, value string) ([]byte, bool) {
	parent := path[:len(path)-1]
	if len(parent) == 0 {
		return nil, false
	}
	name, indent, inner := tomlPath(parent), "", d.indentUnit()
	at := len(d.data)
	for n := len(parent); n > 1; n-- {
		last := -1
		for i, e := range d.entries {
			if !e.header || e.array || !hasPrefix(e.path, parent[:n]) {
				continue
			}
			last = i
			name = string(d.data[e.keys[0].start:e.keys[n-1].end])
			if len(e.path) >= len(parent) {
				indent = d.indentOf(e.start)
			} else {
				indent = d.indentOf(e.start) + d.indentUnit()
			}
		}
		if last < 0 {
			continue
		}
		if n < len(parent) {
			name += "." + tomlPath(parent[n:])
		}
		at = d.entries[last].end
		for _, e := range d.entries {
			if e.under == last {
				at = max(at, e.end)
			}
		}
		inner = indent + d.indentUnit()
		break
	}
	eol := d.eol()
	text := indent + "[" + name + "]" + eol + inner + tomlKey(path[len(path)-1]) + " = " + value
	at = d.lineEnd(at)
	if len(bytes.TrimSpace(d.data[:at])) > 0 && !bytes.HasSuffix(bytes.TrimRight(d.data[:at], " \t"), []byte(eol+eol)) {
		if d.data[at-1] != '\n' {
			text = eol + text
		}
		text = eol + text
		return d.splice(span{at, at}, text+eol), true
	}
	return d.insertLine(at, text), true
}

// insertTop puts a key of the root table first into the file.
func (d *document) insertTop(path []string, value string) ([]byte, bool) {
	return d.splice(span{0, 0}, tomlKey(path[0])+" = "+value+d.eol()), len(path) == 1
}

func (d *document) lineStart(at int) int { return bytes.LastIndexByte(d.data[:at], '\n') + 1 }

// lineEnd gives the offset behind the line end that follows at.
func (d *document) lineEnd(at int) int {
	if n := bytes.IndexByte(d.data[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(d.data)
}

// indentOf gives the blanks before what stands first in its line.
func (d *document) indentOf(at int) string {
	line := d.data[d.lineStart(at):at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// indentUnit is by how much a table's keys stand in from its header, judged by the first table that has any.
func (d *document) indentUnit() string {
	for _, e := range d.entries {
		if e.under >= 0 && e.within < 0 {
			outer, inner := d.indentOf(d.entries[e.under].start), d.indentOf(e.start)
			if rest, ok := strings.CutPrefix(inner, outer); ok {
				return rest
			}
			return ""
		}
	}
	return "  "
}

func (d *document) splice(s span, text string) []byte {
	return slices.Concat(d.data[:s.start], []byte(text), d.data[s.end:])
}

// insertLine puts a line before the one that begins at.
func (d *document) insertLine(at int, text string) []byte {
	if at > 0 && d.data[at-1] != '\n' {
		text = d.eol() + text
	}
	return d.splice(span{at, at}, text+d.eol())
}
