package spec

import (
	"reflect"
	"strings"
	"sync"
)

// shape is what the loader must know of a struct type: its keys in the file.
type shape struct {
	fields []field
	pos    int // index of the Pos field; -1: none
}

// field is one key. It is required unless its tag has omitempty or omitzero, or it has a default.
type field struct {
	name     string
	index    []int
	required bool
	standard string // the default tag
	enum     []string
	text     bool // may hold line breaks
	alone    bool // a list of strings of which one may stand alone
	empty    bool // may be the empty string
	nested   bool // a struct: has defaults of its own
}

var shapes sync.Map // reflect.Type → *shape

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{pos: -1}
	s.add(t, nil)
	shapes.Store(t, s)
	return s
}

func (s *shape) add(t reflect.Type, under []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), under...), i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Name == "Pos" && under == nil:
			s.pos = i
		case name == "-" || !f.IsExported():
		case strings.Contains(options, "inline"):
			s.add(f.Type, index)
		default:
			standard := f.Tag.Get("default")
			var enum []string
			if e := f.Tag.Get("enum"); e != "" {
				enum = strings.Split(e, ",")
			}
			s.fields = append(s.fields, field{
				name:     name,
				index:    index,
				required: standard == "" && !strings.Contains(options, "omit"),
				standard: standard,
				enum:     enum,
				text:     f.Tag.Get("text") == "lines",
				alone:    f.Tag.Get("alone") == "true",
				nested:   f.Type.Kind() == reflect.Struct && f.Type != insecureType,
			})
		}
	}
}

func (s *shape) names() []string {
	names := make([]string, len(s.fields))
	for i := range s.fields {
		names[i] = s.fields[i].name
	}
	return names
}

// find gives the index of a key's field, or -1. The structs are small, so it just looks.
func (s *shape) find(name string) int {
	for i := range s.fields {
		if s.fields[i].name == name {
			return i
		}
	}
	return -1
}
