package spec

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// tree is what the user wrote, as nodes: first one file's, then all files' joined, then with the overlays merged in.
// It collects the problems, and finds the places that they are at.
type tree struct {
	root     *yaml.Node // a mapping
	origins  map[*yaml.Node]origin
	problems []*Problem
	warnings []*Problem
	partial  bool // some of what the user wrote could not be read: what seems to be missing may stand there
	expanded int  // values that were reached through aliases

	overspent bool // they were more than maxExpanded, and that is said
}

// origin is where a node was written, for a node that stands elsewhere in the tree than in its file.
type origin struct {
	file string
	path string
}

// maxExpanded bounds how many values aliases may stand for, so that a small file cannot ask for hours of work.
const maxExpanded = 250_000

// from notes where a node was written. Children are found through it.
func (t *tree) from(n *yaml.Node, o origin) { t.origins[n] = o }

// locate finds a place: its position, or that of the innermost thing around it that was written, and its path as the user sees it.
func (t *tree) locate(p *place) (Position, string) {
	var o origin
	if t.root != nil {
		o = t.origins[t.root]
	}
	n, found := t.root, t.root != nil
	path := o.path
	var at Position
	if found {
		at = Position{o.file, n.Line, n.Column}
	}
	for _, part := range p.parts() {
		if found && target(n).Kind == yaml.ScalarNode {
			break // a short form: the endpoint's URL stands for the endpoint
		}
		if found {
			if child := descend(n, part); child != nil {
				n = child
				if moved, ok := t.origins[n]; ok {
					o, path = moved, moved.path
					at = Position{o.file, n.Line, n.Column}
					continue
				}
				at = Position{o.file, n.Line, n.Column}
			} else {
				found = false
			}
		}
		path = part.join(path)
	}
	return at, path
}

// descend finds the child of a node, or nil.
func descend(n *yaml.Node, part *place) *yaml.Node {
	n = target(n)
	switch {
	case part.key == "" && n.Kind == yaml.SequenceNode && part.index < len(n.Content):
		return n.Content[part.index]
	case part.key != "" && n.Kind == yaml.MappingNode:
		return lookup(n, part.key)
	}
	return nil
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// report adds a problem. The line and column are those of the node, or where it is nil those of the place.
func (t *tree) report(n *yaml.Node, p *place, hint, format string, args ...any) {
	t.problems = append(t.problems, t.problem(n, p, hint, format, args...))
}

// warn adds a warning.
func (t *tree) warn(p *place, hint, format string, args ...any) {
	t.warnings = append(t.warnings, t.problem(nil, p, hint, format, args...))
}

func (t *tree) problem(n *yaml.Node, p *place, hint, format string, args ...any) *Problem {
	at, path := t.locate(p)
	if n != nil {
		at.Line, at.Col = n.Line, n.Column
	}
	return &Problem{Position: at, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// position is where a node stands in a file.
func (t *tree) position(n *yaml.Node, file string) Position {
	return Position{File: file, Line: n.Line, Col: n.Column}
}
