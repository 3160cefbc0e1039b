package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

// TestHostile loads files that are made to hurt. That they come back at all is the test; the messages show why.
func TestHostile(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	var laughs strings.Builder
	laughs.WriteString("credentials: &a0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := range 12 {
		fmt.Fprintf(&laughs, "x%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i+1, i, i, i, i, i, i, i, i)
	}
	mirrors := "mirrors:\n- &m\n  registry: a.lab\n  endpoints: &e [" + strings.Repeat("https://b.lab,", 2000) + "]\n" + strings.Repeat("- *m\n", 2000)
	for _, c := range []struct{ name, body, want string }{
		{"list in itself", "registries: &a [*a]\n", "wants a mapping, found a list"},
		{"mapping in itself", "node: &a {containerd: *a}\n", "unknown key"},
		{"merge in itself", "node: &a {<<: *a, runtime: none, bad: 1}\n", "unknown key"},
		{"overlay in itself", "overlays: &o\n- match: {hostname: \"*\"}\n  merge: &m\n    overlays: *o\n    node: *m\n", "cannot change overlays"},
		{"merge of itself", "node: &n {node: *n}\noverlays:\n- match: {hostname: \"*\"}\n  merge: &m {node: *m}\n", "unknown key"},
		{"laughs", laughs.String(), "unknown key"},
		{"aliases", mirrors, "aliases stand for more than"},
		{"deep flow", "registries: " + strings.Repeat("[", 20_000) + "\n", "exceeded max depth"},
		{"deep", "registries: " + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + "\n", "wants a mapping, found a list"},
		{"boolean of nothing", "policy: {adopt: !!bool \"\"}\n", "wants true or false"},
		{"number of nothing", "policy: {history: !!int \"\"}\n", "not a plain whole number"},
		{"null of something", "policy: {history: !!null 3}\n", "has no value"},
		{"string of a mapping", "registries: [{host: !!str {}}]\n", "wants a string, found a mapping"},
		{"mapping of a string", "registries: [!!map a]\n", "wants a mapping, found a string"},
		{"own tag", "registries: [{host: !vault a.lab}]\n", "with the tag !vault"},
		{"merge of a word", "!!merge x: y\n", "<< wants an alias of a mapping"},
		{"key of a list", "? [a, b]\n: c\n", "a key must be a word, found a list"},
		{"key of an alias", "registries: [{host: &h a.lab, *h : c}]\n", "unknown key"},
		{"long key", long[:900] + ": 1\n", "unknown key"},
		{"long host", "registries: [{host: " + long + ".lab}]\n", "longer than 253"},
		{"long scheme", "registries: [{host: a.lab, server: " + long + "://b.lab}]\n", "is not http or https"},
		{"many", "registries:\n" + strings.Repeat("- host: a.lab\n", 5_000), "already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := spec.Load([]spec.Source{{Name: "-", Data: []byte(head + c.body)}}, spec.Facts{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %.300v", c.want, err)
			}
		})
	}
}

func TestNoSource(t *testing.T) {
	if _, _, err := spec.Load(nil, spec.Facts{}); err == nil {
		t.Error("no file was loaded")
	}
}

func TestByteOrderMark(t *testing.T) {
	s, _, err := spec.Load([]spec.Source{{Name: "-", Data: []byte("\ufeff" + head + "registries: [{host: a.lab}]\r\n")}}, spec.Facts{})
	if err != nil || s.Registries[0].Pos.String() != "<stdin>:3:14" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, _, err := spec.Load([]spec.Source{{Name: "-", Data: []byte("\xff\xfea\x00p\x00")}}, spec.Facts{}); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("UTF-16: %v", err)
	}
}
