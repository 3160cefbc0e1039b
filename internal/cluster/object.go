package cluster

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// object is one of Kubernetes' as it is, with all that is not ours.
type object map[string]any

func (o object) encode() []byte {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return data
}

// text gives a string of an object; empty where there is none.
func (o object) text(path ...string) string {
	s, _, _ := unstructured.NestedString(o, path...) //nolint:errcheck // something else in its place is no string either
	return s
}

// labels are those of an object.
func (o object) labels() map[string]string {
	labels := map[string]string{}
	metadata, _ := o["metadata"].(map[string]any)
	all, _ := metadata["labels"].(map[string]any)
	for key, value := range all {
		labels[key], _ = value.(string)
	}
	return labels
}

// set puts a string into an object, or takes it out where it is empty. A map that becomes empty goes too.
func (o object) set(value string, path ...string) {
	if value != "" {
		_ = unstructured.SetNestedField(o, value, path...) // fails where a map is something else, which the API server does not let in
		return
	}
	unstructured.RemoveNestedField(o, path...)
	last := len(path) - 1
	if m, found, err := unstructured.NestedMap(o, path[:last]...); found && err == nil && len(m) == 0 {
		unstructured.RemoveNestedField(o, path[:last]...)
	}
}
