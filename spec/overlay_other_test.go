package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

// TestOverlayElsewhere: what an overlay for other nodes gets wrong is found on every node. Only where the file is judged for all of them is it an error.
func TestOverlayElsewhere(t *testing.T) {
	const base = head + `registries: [{host: a.lab, server: "https://s.lab"}]
mirrors: [{registry: c.lab, endpoints: ["http://p.lab"]}]
insecure: [p.lab]
`
	for _, c := range []struct {
		name, overlays string // of the latter the merges, in order
		want           string // a part of the one problem; empty: there is none
	}{
		{"sound", "policy: {history: 4}", ""},
		{"its own mistake", `registries: [{host: b.lab, server: "htps://b.lab"}]`, `regsync.yaml:8:46: overlays[0].merge.registries[0].server: scheme "htps" is not http or https`},
		{"in what it changes", `registries: [{host: a.lab, server: "htps://b.lab"}]`, `8:46: overlays[0].merge.registries[0].server: scheme "htps"`},
		{"against the file", `registries: [{host: c.lab, blocked: true}]`, "blocked"},
		{"it takes away what the file needs", "insecure: null", "7:3: overlays[0]: where it holds, mirrors[0].endpoints[0] (regsync.yaml:4:41) is wrong: plain http is not allowed"},
		{"a type", "policy: {history: many}", "8:29: overlays[0].merge.policy.history: wants a whole number"},
		{"another one gives what it lacks", "mirrors: [{registry: b.lab, endpoints: [\"http://m.lab:80\"]}]\ninsecure: [\"m.lab:80\"]", ""},
		{"another one gives what the next lacks", "insecure: [\"m.lab:80\"]\nmirrors: [{registry: b.lab, endpoints: [\"http://m.lab:80\"]}]", ""},
		{"another one is right there", "registries: [{host: a.lab, server: \"htps://b.lab\"}]\nregistries: [{host: a.lab, server: \"https://b.lab\"}]", `8:46: overlays[0].merge.registries[0].server: scheme "htps"`},
		{"two that never meet", "registries: [{host: b.lab}]\nregistries: [{host: b.lab, blocked: true}]\nmirrors: [{registry: b.lab, endpoints: [\"https://m.lab\"]}]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var text strings.Builder
			text.WriteString(base + "overlays:\n")
			for i, merge := range strings.Split(c.overlays, "\n") {
				fmt.Fprintf(&text, "- match: {hostname: other-%d}\n  merge: {%s}\n", i, merge)
			}
			files := []spec.Source{{Name: "regsync.yaml", Data: []byte(text.String())}}
			_, _, err := spec.Load(files, spec.Facts{Hostname: "edge-1", Everywhere: true})
			found := problems(t, err)
			switch {
			case c.want == "" && len(found) > 0:
				t.Errorf("found %v", err)
			case c.want != "" && (len(found) != 1 || !strings.Contains(found[0].Error(), c.want)):
				t.Errorf("want %q, found %v", c.want, err)
			}
			if c.want == "" || c.name == "a type" {
				return
			}
			s, warnings, err := spec.Load(files, spec.Facts{Hostname: "edge-1"})
			if err != nil || s == nil {
				t.Fatalf("on a node that it is not for: %v", err)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), c.want) || !strings.HasSuffix(warnings[0].Message, "(the overlay is for other nodes)") {
				t.Errorf("on a node that it is not for, it is warned of %v", warnings)
			}
		})
	}
}
