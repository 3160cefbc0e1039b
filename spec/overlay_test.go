package spec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/regsync/regsync/spec"
)

const fleet = `
registries:
  - {host: a.lab, dialTimeout: 3s, ca: [one.crt]}
mirrors:
  - registry: docker.io
    endpoints: [https://m.lab]
credentials:
  - {name: a, registries: [a.lab], username: u, password: {command: [pass, show, a]}}
policy: {history: 3, adopt: false}
`

func TestOverlay(t *testing.T) {
	edge := spec.Facts{
		Hostname: "edge-7", NodeLabels: func() (map[string]string, error) { return map[string]string{"site": "x"}, nil },
		FileExists: func(p string) bool { return p == "/etc/site" },
	}
	for _, c := range []struct {
		name, match, merge string
		want               string // JSON that the Spec's holds
	}{
		{"other host", `hostname: "plant-*"`, `policy: {history: 4}`, `"history":3`},
		{"mapping", `hostname: "edge-*"`, `policy: {history: 4}`, `"adopt":false,"maxRemovals":10,"history":4`},
		{"null deletes a key", `file: /etc/site`, `policy: {adopt: null}`, `"adopt":true,"maxRemovals":10,"history":3`},
		{"null deletes a section", `file: /etc/site`, `mirrors: null`, `"dialTimeout":"3s"}],"credentials"`},
		{"no such file", `file: /etc/other`, `policy: {history: 4}`, `"history":3`},
		{"label", `nodeLabels: {site: x}`, `policy: {history: 4}`, `"history":4`},
		{"other label", `nodeLabels: {site: z}`, `policy: {history: 4}`, `"history":3`},
		{"all must hold", `{nodeLabels: {site: x}, hostname: b}`, `policy: {history: 4}`, `"history":3`},
		{
			"list by name", `hostname: edge-7`, `registries: [{host: a.lab, dialTimeout: 5s, ca: [two.crt]}, {host: b.lab}]`,
			`[{"host":"a.lab","ca":["one.crt","two.crt"],"dialTimeout":"5s"},{"host":"b.lab"}]`,
		},
		{
			"endpoints", `hostname: edge-7`, `mirrors: [{registry: docker.io, endpoints: [https://n.lab, {url: https://m.lab, capabilities: [push]}]}]`,
			`"endpoints":[{"url":"https://m.lab","capabilities":["push"],"overridePath":"auto"},{"url":"https://n.lab",`,
		},
		{"a command is replaced", `hostname: edge-7`, `credentials: [{name: a, password: {command: [cat, /x]}}]`, `"command":["cat","/x"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			overlays, err := yaml.Marshal(map[string]any{"overlays": []any{map[string]any{"match": value(t, c.match), "merge": value(t, c.merge)}}})
			if err != nil {
				t.Fatal(err)
			}
			s, _, err := spec.Load([]spec.Source{{Name: "regsync.yaml", Data: []byte(head + fleet + string(overlays))}}, edge)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), c.want) {
				t.Errorf("want %s in\n%s", c.want, text)
			}
		})
	}
}

func value(t *testing.T, text string) any {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestOverlaysInOrder merges two overlays, and shows where they stand.
func TestOverlaysInOrder(t *testing.T) {
	s, _, err := load(t, `overlays:
- match: {hostname: "edge-*"}
  merge: {policy: {history: 4, maxRemovals: 5}}
- match: {hostname: "other"}
  merge: {policy: {history: 5}}
- match: {hostname: "*-1"}
  merge: {policy: {history: 6}}
`)
	if err != nil {
		t.Fatal(err)
	}
	if s.Policy.History != 6 || s.Policy.MaxRemovals != 5 {
		t.Errorf("policy: %+v", s.Policy)
	}
	if len(s.Overlaid) != 2 || s.Overlaid[0].Line != 4 || s.Overlaid[1].Line != 8 {
		t.Errorf("overlaid: %v", s.Overlaid)
	}
}
