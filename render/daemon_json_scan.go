package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/regsync/regsync/spec"
)

// jsonValue is a JSON value and where it stands: data[start:end].
type jsonValue struct {
	start, end int
	text       string       // of a string: what it says
	elems      []jsonValue  // of a list
	members    []jsonMember // of an object
}

// jsonMember is one "name": value of an object.
type jsonMember struct {
	name  jsonValue
	value jsonValue
}

// kind is the first byte of v: { [ " t f n, or that of a number.
func (v jsonValue) kind(data []byte) byte { return data[v.start] }

// member gives the member of that name, or nil.
func (v jsonValue) member(name string) *jsonMember {
	for i := range v.members {
		if v.members[i].name.text == name {
			return &v.members[i]
		}
	}
	return nil
}

// jsonScanner reads a JSON text and keeps the byte offsets, so that it can be edited without being written anew. It takes
// what encoding/json takes.
type jsonScanner struct {
	data  []byte
	pos   int
	depth int
}

// scanJSON reads data, which must hold one value. The error is a *spec.Problem with the line and column, but no file.
func scanJSON(data []byte) (jsonValue, error) {
	s := &jsonScanner{data: data}
	if bytes.HasPrefix(data, utf8BOM) {
		return jsonValue{}, s.fail(0, "a byte order mark stands before the JSON", "save the file as UTF-8 without BOM")
	}
	if s.blank(); s.pos == len(data) {
		return jsonValue{}, s.fail(s.pos, "the file is empty, and dockerd refuses that", "write {} into it, or remove it")
	}
	v, err := s.value()
	if err != nil {
		return v, err
	}
	if s.blank(); s.pos < len(data) {
		return v, s.unexpected("the end of the file")
	}
	return v, nil
}

// maxJSONDepth is encoding/json's own limit of nesting.
const maxJSONDepth = 10000

func (s *jsonScanner) value() (jsonValue, error) {
	if s.pos == len(s.data) {
		return jsonValue{}, s.unexpected("a value")
	}
	switch s.data[s.pos] {
	case '{', '[':
		if s.depth++; s.depth > maxJSONDepth {
			return jsonValue{}, s.fail(s.pos, "the JSON is nested too deeply", "")
		}
		defer func() { s.depth-- }()
		if s.data[s.pos] == '{' {
			return s.object()
		}
		return s.list()
	case '"':
		return s.str()
	}
	start := s.pos
	for s.pos < len(s.data) && isJSONWord(s.data[s.pos]) {
		s.pos++
	}
	if word := s.data[start:s.pos]; !json.Valid(word) {
		s.pos = start
		return jsonValue{}, s.unexpected("a value")
	}
	return jsonValue{start: start, end: s.pos}, nil
}

func (s *jsonScanner) object() (jsonValue, error) {
	v := jsonValue{start: s.pos}
	for first := true; ; first = false {
		s.pos++ // { or ,
		s.blank()
		if first && s.next('}') {
			break
		}
		if !s.next('"') {
			return v, s.unexpected("a key in double quotes")
		}
		name, err := s.str()
		if err != nil {
			return v, err
		}
		if s.blank(); !s.next(':') {
			return v, s.unexpected("a colon")
		}
		s.pos++
		s.blank()
		value, err := s.value()
		if err != nil {
			return v, err
		}
		v.members = append(v.members, jsonMember{name, value})
		if s.blank(); s.next('}') {
			break
		}
		if !s.next(',') {
			return v, s.unexpected("a comma or }")
		}
	}
	s.pos++
	v.end = s.pos
	return v, nil
}

func (s *jsonScanner) list() (jsonValue, error) {
	v := jsonValue{start: s.pos}
	for first := true; ; first = false {
		s.pos++ // [ or ,
		s.blank()
		if first && s.next(']') {
			break
		}
		elem, err := s.value()
		if err != nil {
			return v, err
		}
		v.elems = append(v.elems, elem)
		if s.blank(); s.next(']') {
			break
		}
		if !s.next(',') {
			return v, s.unexpected("a comma or ]")
		}
	}
	s.pos++
	v.end = s.pos
	return v, nil
}

func (s *jsonScanner) str() (jsonValue, error) {
	v := jsonValue{start: s.pos}
	for s.pos++; ; s.pos++ {
		switch {
		case s.pos >= len(s.data) || s.data[s.pos] == '\n':
			return v, s.fail(v.start, "the string is not closed", `close it with "`)
		case s.data[s.pos] == '\\':
			s.pos++
		case s.data[s.pos] == '"':
			s.pos++
			v.end = s.pos
			if json.Unmarshal(s.data[v.start:v.end], &v.text) != nil {
				return v, s.fail(v.start, "the string holds a control character or an escape that JSON does not have", `write \\ for a backslash and \t for a tab`)
			}
			return v, nil
		}
	}
}

// blank skips white space.
func (s *jsonScanner) blank() {
	for s.pos < len(s.data) && isJSONSpace(s.data[s.pos]) {
		s.pos++
	}
}

func (s *jsonScanner) next(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

// unexpected says what stands where want is needed, and how that is mended if it is a mistake that people make.
func (s *jsonScanner) unexpected(want string) error {
	if s.pos >= len(s.data) {
		return s.fail(s.pos, "the file ends where "+want+" is needed", "close what is open")
	}
	c, _ := utf8.DecodeRune(s.data[s.pos:])
	before := bytes.TrimRight(s.data[:s.pos], " \t\r\n")
	switch {
	case c == '/' || c == '#':
		return s.fail(s.pos, "a comment, and JSON has none", "take it out")
	case (c == '}' || c == ']') && bytes.HasSuffix(before, []byte(",")):
		return s.fail(len(before)-1, fmt.Sprintf("a comma before %c", c), "take it out")
	case c == '\'' || c == '“' || c == '”' || c == '„' || c == '‘' || c == '’':
		return s.fail(s.pos, fmt.Sprintf("a quotation mark %c where %s is needed", c, want), `use "`)
	case c == '"' && want != "a colon" && bytes.ContainsRune([]byte(want), '}'), c == '"' && bytes.ContainsRune([]byte(want), ']'):
		return s.fail(len(before), "a comma is missing", "put one here")
	}
	return s.fail(s.pos, fmt.Sprintf("%q where %s is needed", c, want), "")
}

// fail gives a problem at the byte offset at.
func (s *jsonScanner) fail(at int, message, hint string) *spec.Problem {
	return jsonProblem(s.data, at, message, hint)
}

// jsonProblem gives a problem at the byte offset at of data. Its position has no file: whoever knows the name puts it in.
func jsonProblem(data []byte, at int, message, hint string) *spec.Problem {
	line := 1 + bytes.Count(data[:at], []byte("\n"))
	col := at - bytes.LastIndexByte(data[:at], '\n')
	return &spec.Problem{Position: spec.Position{Line: line, Col: col}, Message: message, Hint: hint}
}

func isJSONSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isJSONWord reports whether c stands in a number, true, false or null.
func isJSONWord(c byte) bool {
	return c == '+' || c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
