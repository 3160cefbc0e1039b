package spec

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// merger merges one overlay. Nothing that stands in the tree is changed: what differs is a copy.
type merger struct {
	*tree
	file string // of the overlay
}

// maxMergeDepth is more than the file's types nest; beyond it can only be a cycle of aliases.
const maxMergeDepth = 16

// names are the keys that tell the elements of a list apart, by the key of the list.
var names = map[string][]string{
	"registries":  {"host"},
	"mirrors":     {"registry"},
	"endpoints":   {"url"},
	"insecure":    {"endpoint"},
	"etcHosts":    {"address"},
	"credentials": {"name"},
	"pullSecrets": {"name"},
	"preload":     {"archive", "image"},
}

// mapping merges a mapping into another: a null deletes the key, mappings and lists merge, all else is replaced.
func (m *merger) mapping(base, patch *yaml.Node, key, path string, depth int) *yaml.Node {
	out := m.copy(base)
	out.Content = nil
	pairs(target(base), func(k, v *yaml.Node, merged bool) bool {
		if !merged || lookup(out, k.Value) == nil {
			out.Content = append(out.Content, k, v)
		}
		return true
	})
	pairs(patch, func(k, v *yaml.Node, _ bool) bool {
		if m.expanded++; m.expanded > maxExpanded {
			return false
		}
		at := (&place{key: k.Value}).join(path)
		i := 0
		for i < len(out.Content) && out.Content[i].Value != k.Value {
			i += 2
		}
		switch null := target(v).Kind == yaml.ScalarNode && target(v).Tag == "!!null"; {
		case depth == 0 && (k.Value == "apiVersion" || k.Value == "kind" || k.Value == "overlays"):
		case null && i < len(out.Content):
			out.Content = slices.Delete(out.Content, i, i+2)
		case null:
		case i < len(out.Content):
			out.Content[i] = k
			out.Content[i+1] = m.value(out.Content[i+1], v, k.Value, at, depth+1)
		default:
			out.Content = append(out.Content, k, m.adopt(v, at))
		}
		return true
	})
	return out
}

// value merges one value into another.
func (m *merger) value(base, patch *yaml.Node, key, path string, depth int) *yaml.Node {
	b, p := target(base), target(patch)
	switch {
	case depth > maxMergeDepth:
	case b.Kind == yaml.MappingNode && p.Kind == yaml.MappingNode:
		return m.mapping(base, p, key, path, depth)
	case b.Kind == yaml.SequenceNode && p.Kind == yaml.SequenceNode && key != "command":
		return m.list(base, p, key, path, depth)
	}
	return m.adopt(patch, path)
}

// list merges a list into another: elements of the same name merge, others are added behind.
func (m *merger) list(base, patch *yaml.Node, key, path string, depth int) *yaml.Node {
	out := m.copy(base)
	out.Content = slices.Clone(target(base).Content)
	index := map[string]int{}
	for i, c := range out.Content {
		if name := nameOf(c, key); name != "" {
			index[name] = i
		}
	}
	for i, c := range patch.Content {
		at := (&place{index: i}).join(path)
		name := nameOf(c, key)
		j, there := index[name]
		switch {
		case name == "" || !there:
			out.Content = append(out.Content, m.adopt(c, at))
		case target(c).Kind == yaml.MappingNode && target(out.Content[j]).Kind == yaml.MappingNode:
			out.Content[j] = m.mapping(out.Content[j], target(c), key, at, depth+1)
		case target(c).Kind == yaml.MappingNode:
			out.Content[j] = m.adopt(c, at)
		}
	}
	return out
}

// nameOf is the name of a list's element: of a scalar, its value.
func nameOf(n *yaml.Node, key string) string {
	n = target(n)
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value
	case yaml.MappingNode:
		for _, k := range names[key] {
			if v := lookup(n, k); v != nil && target(v).Kind == yaml.ScalarNode {
				if len(names[key]) > 1 {
					return k + " " + target(v).Value
				}
				return target(v).Value
			}
		}
	}
	return ""
}

// copy copies a node without what is in it, and where it was written.
func (m *merger) copy(n *yaml.Node) *yaml.Node {
	c := *target(n)
	c.Anchor = ""
	c.Line, c.Column = n.Line, n.Column
	if o, ok := m.origins[n]; ok {
		m.from(&c, o)
	}
	return &c
}

// adopt takes over a node of the overlay and notes where it was written.
func (m *merger) adopt(n *yaml.Node, path string) *yaml.Node {
	m.from(n, origin{m.file, path})
	return n
}
