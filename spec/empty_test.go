package spec_test

import (
	"testing"

	"github.com/regsync/regsync/spec"
)

// TestEmptySections joins files of which each has sections that hold nothing.
func TestEmptySections(t *testing.T) {
	const header = "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\n"
	s, _, err := spec.Load([]spec.Source{
		{Name: "a", Data: []byte(header + "mirrors:\nnode:\npolicy: {history: 3}\n")},
		{Name: "b", Data: []byte(header + "mirrors: [{registry: docker.io, endpoints: [https://m]}]\nnode: {runtime: none}\npolicy: ~\n")},
		{Name: "c", Data: []byte(header + "mirrors: null\noverlays:\n")},
	}, spec.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Mirrors) != 1 || s.Node.Runtime != "none" || s.Policy.History != 3 || !s.Policy.Adopt {
		t.Errorf("got %+v", s)
	}
	if _, _, err := spec.Load([]spec.Source{{Name: "a", Data: []byte(header + "mirrors: !!null x\n")}}, spec.Facts{}); err == nil {
		t.Error("a value with the tag !!null went as an empty section")
	}
}
