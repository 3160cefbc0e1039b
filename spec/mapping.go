package spec

import "go.yaml.in/yaml/v3"

const mergeTag = "!!merge" // of the key <<

// maxMerges is how deep merge keys may bring in mappings that have merge keys.
const maxMerges = 16

// pairs calls yield for each key of a mapping and its value: first those that stand in it, then those that merge keys (<<)
// bring in. Of a key that comes more than once the first counts.
func pairs(n *yaml.Node, yield func(key, value *yaml.Node, merged bool) bool) {
	mergedPairs(n, false, 0, yield)
}

func mergedPairs(n *yaml.Node, merged bool, depth int, yield func(key, value *yaml.Node, merged bool) bool) bool {
	merges := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == mergeTag {
			merges = true
			continue
		}
		if !yield(n.Content[i], n.Content[i+1], merged) {
			return false
		}
	}
	if !merges || depth == maxMerges {
		return true
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != mergeTag {
			continue
		}
		for _, from := range mergeSources(n.Content[i+1]) {
			if from = target(from); from.Kind == yaml.MappingNode && !mergedPairs(from, true, depth+1, yield) {
				return false
			}
		}
	}
	return true
}

// mergeSources are the mappings that the value of a merge key names: one, or a list of them.
func mergeSources(n *yaml.Node) []*yaml.Node {
	if n = target(n); n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

// lookup is the value of a key, or nil.
func lookup(n *yaml.Node, name string) *yaml.Node {
	var found *yaml.Node
	pairs(n, func(key, value *yaml.Node, _ bool) bool {
		if key.Kind == yaml.ScalarNode && key.Value == name {
			found = value
		}
		return found == nil
	})
	return found
}
