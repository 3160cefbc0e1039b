package render

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

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
