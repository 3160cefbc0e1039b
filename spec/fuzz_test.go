package spec_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/regsync/regsync/spec"
)

// bareTag finds the tag that says nothing. The parser that feeds the schema takes an empty value with it for a string, the spec's for none.
var bareTag = regexp.MustCompile(`(^|[\s,:\[{])!($|[\s,\]}])`)

// FuzzLoad holds Load to these promises: it does not panic, a problem stands inside the file, what it takes the schema takes too, and a Spec that
// is written out again loads as the same Spec, the positions aside.
func FuzzLoad(f *testing.F) {
	for _, kind := range []string{"good", "bad"} {
		names, err := filepath.Glob("testdata/corpus/" + kind + "/*.yaml")
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			f.Add(read(f, name))
		}
	}
	judge := compile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, warnings, err := spec.Load([]spec.Source{{Name: "-", Data: data}}, node)
		lines := bytes.Count(data, []byte("\n")) + 1
		for _, p := range append(warnings, problems(t, err)...) {
			if at := p.Position; at.File != "<stdin>" || at.Line < 1 || at.Line > lines || at.Col < 1 || at.Col > len(data)+1 {
				t.Errorf("no such place: %v", p)
			}
		}
		if err != nil {
			return
		}
		if err := judge(data); err != nil && !bareTag.Match(data) {
			t.Errorf("the schema refuses it: %v", err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := spec.Load([]spec.Source{{Name: "-", Data: text}}, node)
		if err != nil {
			t.Fatalf("what was written out does not load: %v\n%s", err, text)
		}
		positions := cmp.Options{cmpopts.IgnoreTypes(spec.Position{}, []spec.Position{}), cmpopts.IgnoreFields(spec.FileRef{}, "Path")}
		if diff := cmp.Diff(s, again, positions, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("written out and loaded again (-was +is):\n%s\n%s", diff, text)
		}
	})
}

// FuzzSeveral loads two files, the second also as an overlay of the first: no panic, and every problem in one of them.
func FuzzSeveral(f *testing.F) {
	f.Add("registries: [{host: a.lab}]", "registries: [{host: b.lab, ca: x}]")
	f.Add("node: {runtime: none}\nmirrors: []", "node: &n {runtime: auto, <<: *n}\nmirrors: null")
	f.Add("mirrors:\n- registry: a.lab\n  endpoints: [https://b.lab]", "mirrors:\n- registry: a.lab\n  endpoints: [{url: https://b.lab, header: {A: b}}]")
	f.Add("credentials: &c [{name: a, helper: x}]\noverlays: *c", "credentials: [{name: a, password: {command: [x]}}]\npreload: [{image: a}]")
	f.Fuzz(func(t *testing.T, one, two string) {
		overlay := "overlays:\n- match: {hostname: \"*\"}\n  merge:\n    " + strings.ReplaceAll(two, "\n", "\n    ") + "\n"
		for _, second := range []string{two, overlay} {
			_, warnings, err := spec.Load([]spec.Source{{Name: "a", Data: []byte(head + one)}, {Name: "b", Data: []byte(head + second)}}, node)
			for _, p := range append(warnings, problems(t, err)...) {
				if at := p.Position; at.File != "a" && at.File != "b" || at.Line < 1 {
					t.Errorf("no such place: %v", p)
				}
			}
		}
	})
}
