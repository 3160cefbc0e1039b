package spec

import (
	"errors"
	"fmt"
	"path"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// overlay is an entry of overlays.
type overlay struct {
	at     Position
	path   string
	merge  *yaml.Node // a mapping
	file   string     // that merge stands in
	prefix string     // and its path there
}

// overlay merges the overlays that hold for the node into the tree, in order, and returns where they stand, and the overlays that are for
// other nodes. What is wrong inside an overlay is left to the decoder, which looks at all of them.
func (t *tree) overlay(facts Facts) (held []Position, others []overlay) {
	list := lookup(t.root, "overlays")
	if list == nil || target(list).Kind != yaml.SequenceNode {
		return nil, nil
	}
	at := (*place)(nil).at("overlays")
	for i, n := range target(list).Content {
		if target(n).Kind != yaml.MappingNode {
			continue
		}
		match, merge := lookup(target(n), "match"), lookup(target(n), "merge")
		if match == nil || merge == nil || target(merge).Kind != yaml.MappingNode {
			continue
		}
		o := overlay{merge: target(merge)}
		o.at, o.path = t.locate(at.nth(i))
		from, prefix := t.locate(at.nth(i).at("merge"))
		o.file, o.prefix = from.File, prefix
		if !t.holds(match, at.nth(i).at("match"), facts) {
			others = append(others, o)
			continue
		}
		held = append(held, o.at)
		t.merge(o)
	}
	return held, others
}

// merge merges an overlay into the tree.
func (t *tree) merge(o overlay) {
	m := merger{tree: t, file: o.file}
	t.root = m.mapping(t.root, o.merge, "", o.prefix, 0)
}

// holds reports whether a node is one that an overlay is for.
func (t *tree) holds(n *yaml.Node, p *place, facts Facts) bool {
	var m Match
	quiet := &tree{root: t.root, origins: t.origins}
	(&decoder{tree: quiet}).value(n, reflect.ValueOf(&m).Elem(), p, nil)
	if len(quiet.problems) > 0 {
		return false
	}
	if m.Hostname == "" && m.NodeLabels == nil && m.File == "" {
		t.report(n, p, "give hostname, nodeLabels or file", "says of no node that the overlay is for it")
		return false
	}
	if m.Hostname != "" {
		ok, err := path.Match(m.Hostname, facts.Hostname)
		if err != nil {
			t.report(nil, p.at("hostname"), "", "%s is not a glob", quote(m.Hostname))
		}
		if !ok {
			return false
		}
	}
	if m.File != "" && !path.IsAbs(m.File) {
		t.report(nil, p.at("file"), "", "%s is not an absolute path", quote(m.File))
		return false
	}
	if m.File != "" && (facts.FileExists == nil || !facts.FileExists(m.File)) {
		return false
	}
	if m.NodeLabels == nil {
		return true
	}
	labels, err := facts.labels()
	if err != nil {
		t.report(nil, p.at("nodeLabels"), "use hostname or file where there is no cluster to ask", "%v", err)
		return false
	}
	for k, v := range m.NodeLabels {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// labels are those of the Kubernetes node.
func (f Facts) labels() (map[string]string, error) {
	if f.NodeLabels == nil {
		return nil, errors.New("the labels of this node are not known")
	}
	labels, err := f.NodeLabels()
	if err != nil {
		return nil, fmt.Errorf("the labels of this node are not known: %w", err)
	}
	return labels, nil
}
