package spec

import (
	"strconv"
	"strings"
)

// place is a path into the file, from the leaf upwards: mirrors[1].endpoints[0].url. The nil place is the whole file.
// It is a list of pointers and no string because nearly all of them are never shown.
type place struct {
	up    *place
	key   string // of a mapping; empty for an element of a list
	index int    // of a list
}

func (p *place) at(key string) *place { return &place{up: p, key: key} }
func (p *place) nth(i int) *place     { return &place{up: p, index: i} }

// parts are the parts of the path from the root down.
func (p *place) parts() []*place {
	var parts []*place
	for ; p != nil; p = p.up {
		parts = append(parts, p)
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return parts
}

// join adds a part to a path that is written out.
func (p *place) join(path string) string {
	switch {
	case p.key == "":
		return path + "[" + strconv.Itoa(p.index) + "]"
	case strings.ContainsAny(p.key, ".[]: ") || !printable(p.key):
		return path + "[" + strconv.Quote(p.key) + "]"
	case path == "":
		return p.key
	}
	return path + "." + p.key
}
