package spec

import (
	"go.yaml.in/yaml/v3"
)

// sections are the lists that may be split over files. The other sections stand in one file.
var sections = map[string]bool{
	"registries": true, "mirrors": true, "insecure": true, "etcHosts": true,
	"credentials": true, "preload": true, "pullSecrets": true, "overlays": true,
}

// join makes one tree of several files: their lists are put one behind the other.
func (t *tree) join(documents []document) {
	if t.root = documents[0].root; len(documents) == 1 {
		return
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: t.root.Line, Column: t.root.Column}
	t.from(root, origin{file: documents[0].file})
	lists := map[string]*yaml.Node{}
	first := map[string]Position{}
	for number, doc := range documents {
		t.root = doc.root
		seen := map[string]bool{}
		pairs(doc.root, func(key, value *yaml.Node, merged bool) bool {
			name := key.Value
			at := (*place)(nil).at(name)
			if seen[name] {
				if !merged {
					t.report(key, at, "", "the key stands twice in the same mapping")
				}
				return true
			}
			seen[name] = true
			if name == "apiVersion" || name == "kind" {
				if number == 0 {
					root.Content = append(root.Content, key, value)
				}
				return true
			}
			if empty(value) {
				return true
			}
			list := target(value)
			switch other, again := first[name]; {
			case sections[name] && list.Kind == yaml.SequenceNode:
				all := lists[name]
				if all == nil {
					all = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: list.Line, Column: list.Column}
					lists[name] = all
					root.Content = append(root.Content, key, all)
					t.from(all, origin{doc.file, name})
				}
				for i, c := range list.Content {
					t.from(c, origin{doc.file, at.nth(i).join(name)})
				}
				all.Content = append(all.Content, list.Content...)
			case sections[name]:
				t.report(value, at, "", "wants a list, found %s", sortOf(value))
			case again:
				t.report(key, at, "keep it in one file", "the section stands in %s too", other)
			default:
				first[name] = Position{doc.file, key.Line, key.Column}
				root.Content = append(root.Content, key, value)
				t.from(value, origin{doc.file, name})
			}
			return true
		})
	}
	t.root = root
}
