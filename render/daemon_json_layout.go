package render

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// jsonLayout is how the author of a JSON object writes it, as far as a new member has to know.
type jsonLayout struct {
	eol    string // line end
	indent string // of a member
	gap    string // between a comma and the next member: white space, with a line end where members stand on lines of their own
	colon  string // between a key and its value
	lists  bool   // lists stand on lines of their own, one value each
}

// layoutOf reads the layout of obj from its last members. An object without members gets lines, two blanks deep.
func layoutOf(data []byte, obj jsonValue) jsonLayout {
	l := jsonLayout{eol: "\n", indent: "  ", gap: "\n  ", colon: ": ", lists: true}
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		l.eol, l.gap = "\r\n", "\r\n  "
	}
	n := len(obj.members)
	if n == 0 {
		return l
	}
	last := obj.members[n-1]
	before := obj.start + 1
	if n > 1 {
		before = obj.members[n-2].value.end
	}
	if colon := string(data[last.name.end:last.value.start]); !strings.ContainsAny(colon, "\r\n") {
		l.colon = colon
	}
	l.gap = gapBefore(data, before, last.name.start, l.eol)
	if !strings.Contains(l.gap, "\n") {
		l.lists = false
		if n == 1 {
			l.gap = strings.TrimLeft(l.colon, " \t:")
			if strings.HasSuffix(l.colon, " ") {
				l.gap = " "
			}
		}
		return l
	}
	l.indent = l.gap[strings.LastIndexByte(l.gap, '\n')+1:]
	for _, m := range obj.members {
		if e := m.value.elems; len(e) > 0 {
			l.lists = strings.Contains(gapBefore(data, m.value.start+1, e[0].start, l.eol), "\n")
		}
	}
	return l
}

// gapBefore gives the white space that stands before offset at, from offset from on: at most one line end, and the indentation.
func gapBefore(data []byte, from, at int, eol string) string {
	gap := string(data[from:at])
	gap = gap[strings.LastIndexByte(gap, ',')+1:]
	if i := strings.LastIndexByte(gap, '\n'); i >= 0 {
		return eol + gap[i+1:]
	}
	return gap
}

// addMember puts "name": [values…] after the last member of obj, the top-level object of data.
func addMember(data []byte, obj jsonValue, name string, values []string) []byte {
	l := layoutOf(data, obj)
	text := quoteJSON(name) + l.colon + l.list(values)
	if n := len(obj.members); n > 0 {
		return splice(data, obj.members[n-1].value.end, obj.members[n-1].value.end, ","+l.gap+text)
	}
	return splice(data, obj.start+1, obj.end-1, l.gap+text+l.eol)
}

// list writes a new list.
func (l jsonLayout) list(values []string) string {
	if len(values) == 0 {
		return "[]"
	}
	if !l.lists {
		between := ", "
		if !strings.HasSuffix(l.colon, " ") && !strings.Contains(l.gap, "\n") {
			between = ","
		}
		return "[" + quoteAll(values, between) + "]"
	}
	deeper := l.eol + l.indent + l.indent
	return "[" + deeper + quoteAll(values, ","+deeper) + l.eol + l.indent + "]"
}

// addElems puts values after the last element of list, a list of strings in the top-level object obj.
func addElems(data []byte, obj, list jsonValue, values []string) []byte {
	l := layoutOf(data, obj)
	n := len(list.elems)
	if n == 0 {
		inner := string(data[list.start+1 : list.end-1])
		if !strings.Contains(inner, "\n") {
			l.lists = false
			return splice(data, list.start, list.end, l.list(values))
		}
		closing := gapBefore(data, list.start+1, list.end-1, l.eol)
		return splice(data, list.start+1, list.end-1, closing+l.indent+quoteAll(values, ","+closing+l.indent)+closing)
	}
	last, before := list.elems[n-1], list.start+1
	if n > 1 {
		before = list.elems[n-2].end
	}
	gap := gapBefore(data, before, last.start, l.eol)
	if n == 1 && !strings.Contains(gap, "\n") {
		if gap = " "; !strings.HasSuffix(l.colon, " ") && !strings.Contains(l.gap, "\n") {
			gap = ""
		}
	}
	return splice(data, last.end, last.end, ","+gap+quoteAll(values, ","+gap))
}

// cut takes the parts (elements of a list, members of an object) out for which drop is true, each with one comma. The parts stand
// between the offsets open and closing.
func cut(data []byte, open, closing int, parts []jsonSpan, drop []bool) []byte {
	lastKept := -1
	for i := range parts {
		if !drop[i] {
			lastKept = i
		}
	}
	if lastKept < 0 {
		return splice(data, open, closing, "")
	}
	for i := len(parts) - 1; i >= 0; i-- {
		switch {
		case !drop[i]:
		case i > lastKept:
			data = splice(data, parts[i-1].end, parts[i].end, "")
		default:
			data = splice(data, parts[i].start, parts[i+1].start, "")
		}
	}
	return data
}

// jsonSpan is a piece of a JSON text: data[start:end].
type jsonSpan struct{ start, end int }

// splice gives data with data[from:to] replaced. data itself stays as it is.
func splice(data []byte, from, to int, text string) []byte {
	return slices.Concat(data[:from], []byte(text), data[to:])
}

// quoteJSON writes a JSON string as people do: with < > & as they are.
func quoteJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func quoteAll(values []string, between string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quoteJSON(v)
	}
	return strings.Join(quoted, between)
}
