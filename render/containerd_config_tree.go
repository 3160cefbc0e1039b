package render

import (
	"maps"
	"math"
	"reflect"
	"slices"
)

// graft sets the value at path in a tree, of which it copies what it changes. It fails where something else than a table is on the way.
func graft(tree map[string]any, path []string, value any) bool {
	for _, part := range path[:len(path)-1] {
		child, ok := tree[part].(map[string]any)
		if tree[part] != nil && !ok {
			return false
		}
		child = maps.Clone(child)
		if child == nil {
			child = map[string]any{}
		}
		tree[part] = child
		tree = child
	}
	tree[path[len(path)-1]] = value
	return true
}

// prune takes path out of a tree, of which it copies what it changes. It reports whether path was there.
func prune(tree map[string]any, path []string) bool {
	for _, part := range path[:len(path)-1] {
		child, ok := tree[part].(map[string]any)
		if !ok {
			return false
		}
		child = maps.Clone(child)
		tree[part] = child
		tree = child
	}
	_, ok := tree[path[len(path)-1]]
	delete(tree, path[len(path)-1])
	return ok
}

// dropEmpty takes the table at path out of a tree if nothing is in it.
func dropEmpty(tree map[string]any, path []string) {
	var at any = tree
	for _, part := range path {
		table, _ := at.(map[string]any)
		at = table[part]
	}
	if table, ok := at.(map[string]any); ok && len(table) == 0 {
		prune(tree, path)
	}
}

// equalTOML compares two values; a NaN equals itself.
func equalTOML(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, v := range a {
			if w, ok := b[key]; !ok || !equalTOML(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalTOML)
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	}
	return reflect.DeepEqual(a, b)
}
