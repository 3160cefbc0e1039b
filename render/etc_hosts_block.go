package render

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// The lines between which a hosts file is ours.
const (
	blockBegin = "# BEGIN regsync"
	blockEnd   = "# END regsync"
)

var utf8BOM = []byte("\ufeff")

// proposeBlock puts body between our markers. A block that is there is replaced in its place; a new one goes to the end. But
// where a foreign line gives one of our names another address, the block stands before that line: the resolvers take the first. Where
// foreign lines say all of body already, and nothing else of its names, there is no block.
func proposeBlock(live, body []byte) ([]byte, error) {
	if err := checkText(live); err != nil {
		return nil, err
	}
	bom, text := cutBOM(live)
	foreign, at := stripBlock(text, body)
	if at < 0 {
		at = len(foreign)
	}
	if c := firstClash(foreign, body); c >= 0 {
		at = min(at, c)
	} else if said(foreign, body) {
		if foreign == nil {
			return live, nil
		}
		return slices.Concat(bom, bytes.Join(foreign, nil)), nil
	}
	eol := lineEnd(foreign)
	out := slices.Concat(bom, bytes.Join(foreign[:at], nil))
	if at > 0 && !bytes.HasSuffix(foreign[at-1], []byte("\n")) {
		out = append(out, missingEnd(foreign[at-1], eol)...)
	}
	out = append(append(out, blockBegin...), eol...)
	for _, line := range splitLines(body) {
		out = append(append(out, trimEnd(line)...), eol...)
	}
	out = append(append(out, blockEnd...), eol...)
	return append(out, bytes.Join(foreign[at:], nil)...), nil
}

// withdrawBlock takes our block out of live. The line end that the block needed before it goes too, if before had none.
func withdrawBlock(live, before, body []byte) ([]byte, error) {
	if live == nil {
		return nil, nil
	}
	if err := checkText(live); err != nil {
		return nil, err
	}
	bom, text := cutBOM(live)
	foreign, _ := stripBlock(text, body)
	rest := slices.Concat(bom, bytes.Join(foreign, nil))
	switch {
	case before == nil && len(rest) == 0:
		return nil, nil
	case len(before) > 0 && before[len(before)-1] != '\n' && bytes.Equal(rest, slices.Concat(before, missingEnd(before, lineEnd(foreign)))):
		return before, nil
	case rest == nil:
		return []byte{}, nil
	}
	return rest, nil
}

// stripBlock takes what is ours out of text: each BEGIN … END, each marker that has lost its other half, and beside such a half
// the lines that body has too. It gives the lines that are left, and where among them the first block stood (-1: nowhere).
func stripBlock(text, body []byte) (foreign [][]byte, at int) {
	lines, ours := splitLines(text), map[string]bool{}
	for _, line := range splitLines(body) {
		ours[string(trimEnd(line))] = true
	}
	drop := make([]bool, len(lines))
	open := -1 // the BEGIN that has no END yet
	half := func(i, by int) {
		drop[i] = true
		for i += by; i >= 0 && i < len(lines) && !drop[i] && ours[string(trimEnd(lines[i]))]; i += by {
			drop[i] = true
		}
	}
	for i, line := range lines {
		switch string(trimEnd(line)) {
		case blockBegin:
			if open >= 0 {
				half(open, 1)
			}
			open = i
		case blockEnd:
			if open < 0 {
				half(i, -1)
				continue
			}
			for j := open; j <= i; j++ {
				drop[j] = true
			}
			open = -1
		}
	}
	if open >= 0 {
		half(open, 1)
	}
	at = -1
	for i, line := range lines {
		switch {
		case !drop[i]:
			foreign = append(foreign, line)
		case at < 0:
			at = len(foreign)
		}
	}
	return foreign, at
}

// firstClash gives the first of lines that gives a name of body's another address than body does; -1: none.
func firstClash(lines [][]byte, body []byte) int {
	want := map[string][]string{} // name to addresses
	for _, line := range splitLines(body) {
		address, names := parseHosts(line)
		for _, name := range names {
			want[name] = append(want[name], address)
		}
	}
	return slices.IndexFunc(lines, func(line []byte) bool {
		address, names := parseHosts(line)
		return slices.ContainsFunc(names, func(name string) bool {
			return want[name] != nil && !slices.Contains(want[name], address)
		})
	})
}

// said reports whether lines give each name of body the address that body gives it.
func said(lines [][]byte, body []byte) bool {
	given := map[[2]string]bool{}
	for _, line := range lines {
		address, names := parseHosts(line)
		for _, name := range names {
			given[[2]string{name, address}] = true
		}
	}
	for _, line := range splitLines(body) {
		address, names := parseHosts(line)
		if names == nil || slices.ContainsFunc(names, func(name string) bool { return !given[[2]string{name, address}] }) {
			return false
		}
	}
	return true
}

// checkText refuses what is no text that lines can be put into: UTF-16, and files with NUL bytes in them.
func checkText(data []byte) error {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return errors.New("the file is UTF-16, which no resolver reads: save it as UTF-8")
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return fmt.Errorf("line %d: a NUL byte, so this is no text file: take it out, or restore the file", 1+bytes.Count(data[:i], []byte("\n")))
	}
	return nil
}

// cutBOM splits a UTF-8 byte order mark off.
func cutBOM(data []byte) (bom, text []byte) {
	if bytes.HasPrefix(data, utf8BOM) {
		return data[:len(utf8BOM):len(utf8BOM)], data[len(utf8BOM):]
	}
	return nil, data
}

// splitLines gives the lines of text, each with its end; the last may have none.
func splitLines(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// trimEnd is line without its end.
func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

// lineEnd is the line end that the file has: that of its first line.
func lineEnd(lines [][]byte) string {
	if len(lines) > 0 && bytes.HasSuffix(bytes.TrimSuffix(lines[0], []byte("\n")), []byte("\r")) {
		return "\r\n"
	}
	return "\n"
}

// missingEnd is what a line without an end lacks in a file whose lines end in eol.
func missingEnd(line []byte, eol string) []byte {
	if bytes.HasSuffix(line, []byte("\r")) {
		return []byte("\n")
	}
	return []byte(eol)
}
