package render

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"reflect"
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
		for i, e := range d.entries {
			if e.under == last {
				at = max(at, e.end)
				_ = i
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

// remove gives the document without what stands at and under path: its keys, its headers, and the comments that belong to
// nothing else. Tables above that are left empty by it, without a header of their own, go too.
func (d *document) remove(path []string) (*document, error) {
	want := maps.Clone(d.tree)
	if !prune(want, path) {
		return d, nil
	}
	var cuts []span
	for i, e := range d.entries {
		if !hasPrefix(e.path, path) || e.array && len(e.path) > len(path) && e.path[len(path)-1] == elem {
			continue
		}
		if e.within < 0 {
			cuts = append(cuts, span{d.lineStart(e.start), d.lineEnd(e.end)})
		} else if !hasPrefix(d.entries[e.within].path, path) {
			cuts = append(cuts, d.inlineCut(i))
		}
	}
	next := d.data
	for _, cut := range slices.Backward(d.widen(cuts)) {
		next = slices.Concat(next[:cut.start], next[cut.end:])
	}
	edited, err := parseDocument(next)
	if err != nil {
		return nil, d.errorAt(path, fmt.Sprintf("%s cannot be taken out: %v", tomlPath(path), err), "take it out by hand")
	}
	got := maps.Clone(edited.tree)
	for n := len(path) - 1; n > 0; n-- { // tables that were there only by name
		dropEmpty(want, path[:n])
		dropEmpty(got, path[:n])
	}
	if !equalTOML(want, got) {
		return nil, d.errorAt(path, tomlPath(path)+" cannot be taken out without changing something else", "take it out by hand")
	}
	edited.bom = d.bom
	return edited, nil
}

// inlineCut gives the range of a key in an inline table, with the comma that goes with it.
func (d *document) inlineCut(index int) span {
	e := d.entries[index]
	rest := d.data[e.end:]
	if trimmed := bytes.TrimLeft(rest, " \t"); len(trimmed) > 0 && trimmed[0] == ',' {
		after := bytes.TrimLeft(trimmed[1:], " \t")
		return span{e.start, len(d.data) - len(after)}
	}
	lead := bytes.TrimRight(d.data[:e.start], " \t")
	if len(lead) > 0 && lead[len(lead)-1] == ',' {
		return span{len(bytes.TrimRight(lead[:len(lead)-1], " \t")), e.end}
	}
	return e.span
}

// widen joins cuts of whole lines over the comments that belong to them alone: those between two of them, and those right
// above one that a blank line parts from what stands before. Blank lines go where two would meet.
func (d *document) widen(cuts []span) []span {
	var joined []span
	for _, cut := range cuts {
		if last := len(joined) - 1; last >= 0 && d.wholeLines(cut) && d.wholeLines(joined[last]) && d.onlyComments(joined[last].end, cut.start) {
			joined[last].end = cut.end
			continue
		}
		joined = append(joined, cut)
	}
	for i, cut := range joined {
		if !d.wholeLines(cut) {
			continue
		}
		start := cut.start
		for start > 0 && d.lineIs(start-1, '#') {
			start = d.lineStart(start - 1)
		}
		if start == 0 || d.lineIs(start-1, 0) || i > 0 && joined[i-1].end == start {
			cut.start = start
		}
		if cut.end == len(d.data) || d.lineIs(cut.end, 0) {
			for cut.start > 0 && d.lineIs(cut.start-1, 0) && (i == 0 || joined[i-1].end < cut.start) {
				cut.start = d.lineStart(cut.start - 1)
			}
		}
		joined[i] = cut
	}
	return joined
}

// wholeLines reports whether a cut begins and ends between lines.
func (d *document) wholeLines(cut span) bool {
	return cut.start == d.lineStart(cut.start) && (cut.end == d.lineStart(cut.end) || cut.end == len(d.data))
}

// onlyComments reports whether from start to end there are only blank lines and comments.
func (d *document) onlyComments(start, end int) bool {
	for _, line := range bytes.Split(d.data[start:end], []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// lineIs reports whether the line that holds at begins, after blanks, with first; 0: it is blank. Lines within a value count as neither.
func (d *document) lineIs(at int, first byte) bool {
	start := d.lineStart(at)
	for _, e := range d.entries {
		if e.start < start && start < e.end {
			return false
		}
	}
	line := bytes.TrimSpace(d.data[start:d.lineEnd(at)])
	if first == 0 {
		return len(line) == 0
	}
	return len(line) > 0 && line[0] == first
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

// graft sets the value at path in a tree, of which it copies what it changes. It fails where something else than a table is on the way.
func graft(tree map[string]any, path []string, value any) bool {
	for _, part := range path[:len(path)-1] {
		child, ok := tree[part].(map[string]any)
		if tree[part] != nil && !ok {
			return false
		}
		child = maps.Clone(child)
		if child == nil {
			child = map[string]any{}
		}
		tree[part] = child
		tree = child
	}
	tree[path[len(path)-1]] = value
	return true
}

// prune takes path out of a tree, of which it copies what it changes. It reports whether path was there.
func prune(tree map[string]any, path []string) bool {
	for _, part := range path[:len(path)-1] {
		child, ok := tree[part].(map[string]any)
		if !ok {
			return false
		}
		child = maps.Clone(child)
		tree[part] = child
		tree = child
	}
	_, ok := tree[path[len(path)-1]]
	delete(tree, path[len(path)-1])
	return ok
}

// dropEmpty takes the table at path out of a tree if nothing is in it.
func dropEmpty(tree map[string]any, path []string) {
	var at any = tree
	for _, part := range path {
		table, _ := at.(map[string]any)
		at = table[part]
	}
	if table, ok := at.(map[string]any); ok && len(table) == 0 {
		prune(tree, path)
	}
}

// equalTOML compares two values; a NaN equals itself.
func equalTOML(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, v := range a {
			if w, ok := b[key]; !ok || !equalTOML(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalTOML)
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	}
	return reflect.DeepEqual(a, b)
}
