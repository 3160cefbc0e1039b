package docs_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/regsync/regsync/internal/doctor"
	"github.com/regsync/regsync/schema"
)

var (
	begin = regexp.MustCompile(`^<!-- (keys|help|rules): ?(.*?) -->$`)
	verb  = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`)
)

const end = "<!-- end -->"

// TestGenerated compares what stands between the marks of the pages with the schema and the command, and misses no part of either.
func TestGenerated(t *testing.T) {
	s := new(jsonschema.Schema)
	if err := json.Unmarshal(schema.JSON(), s); err != nil {
		t.Fatal(err)
	}
	var missing []string
	for name := range s.Definitions {
		if !strings.HasSuffix(name, "Patch") {
			missing = append(missing, "keys: "+name)
		}
	}
	_, commands, _ := strings.Cut(help(t, ""), "Available Commands:\n")
	commands, _, _ = strings.Cut(commands, "\n\n")
	for _, family := range doctor.Families() {
		missing = append(missing, "rules: "+string(family))
	}
	for _, m := range verb.FindAllStringSubmatch(commands, -1) {
		if m[1] != "help" {
			missing = append(missing, "help: "+m[1])
		}
	}
	for _, page := range pages(t) {
		have := read(t, page)
		var want []string
		for i := 0; i < len(have); i++ {
			want = append(want, have[i])
			m := begin.FindStringSubmatch(have[i])
			if m == nil {
				continue
			}
			n := slices.Index(have[i:], end)
			if n < 0 {
				t.Fatalf("%s:%d: no %s follows", page, i+1, end)
			}
			text := ""
			switch m[1] {
			case "keys":
				d := s.Definitions[m[2]]
				if d == nil {
					t.Fatalf("%s:%d: the schema has no %s", page, i+1, m[2])
				}
				text = keys(t, d)
			case "help":
				text = "```text\n" + help(t, m[2]) + "\n```"
			case "rules":
				text = rules(doctor.Family(m[2]))
			}
			missing = slices.DeleteFunc(missing, func(s string) bool { return s == m[1]+": "+m[2] })
			want = append(append(want, strings.Split(text, "\n")...), end)
			i += n
		}
		settle(t, page, have, want)
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("no page says anything of %s", strings.Join(missing, ", "))
	}
}

// help is what a verb's --help says, without the flags that every verb has.
func help(t *testing.T, verb string) string {
	t.Helper()
	args := []string{"--help"}
	if verb != "" {
		args = []string{verb, "--help"}
	}
	out, err := exec.Command(regsync, args...).Output()
	if err != nil {
		t.Fatalf("regsync %s: %v", strings.Join(args, " "), err)
	}
	text, _, _ := strings.Cut(string(out), "\nGlobal Flags:")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// rules describes what doctor looks for in a family, each rule under its identifier.
func rules(family doctor.Family) string {
	var parts []string
	for _, r := range doctor.Rules() {
		if r.Family == family {
			parts = append(parts, fmt.Sprintf("\n### %s\n\n%s: %s.\n\n%s\n\n*Remedy:* %s.\n", r.ID, r.Severity, r.Title, r.Cause, strings.TrimSuffix(r.Remedy, ".")))
		}
	}
	return strings.Join(parts, "")
}

// sections are the headings under which the keys of a type stand.
var sections = map[string]string{
	"Node": "node", "Containerd": "nodecontainerd", "Docker": "nodedocker", "Cluster": "cluster",
	"Registry": "registries", "ClientCert": "client", "Mirror": "mirrors", "Endpoint": "endpoints",
	"HostsLine": "etchosts", "Credential": "credentials", "Secret": "password", "Preload": "preload",
	"PullSecret": "pullsecrets", "LabelSelector": "namespaceselector", "Addons": "addons", "RegistryAddon": "addonsregistry",
	"Verify": "verify", "Policy": "policy", "Effects": "policyeffects", "Overlay": "overlays", "Match": "match",
}

// keys describes the keys of a type as a table.
func keys(t *testing.T, d *jsonschema.Schema) string {
	t.Helper()
	for _, s := range d.OneOf { // an endpoint is a URL or a mapping
		if s.Properties != nil {
			d = s
		}
	}
	lines := []string{"| key | value | default | meaning |", "|---|---|---|---|"}
	for p := d.Properties.Oldest(); p != nil; p = p.Next() {
		standard := ""
		switch {
		case slices.Contains(d.Required, p.Key):
			standard = "required"
		case p.Value.Default != nil:
			text, err := json.Marshal(p.Value.Default)
			if err != nil {
				t.Fatal(err)
			}
			standard = "`" + strings.ReplaceAll(strings.Trim(string(text), `"`), `","`, `", "`) + "`"
		}
		meaning := strings.ReplaceAll(p.Value.Description, "|", `\|`)
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s | %s |", p.Key, value(t, p.Value), standard, meaning))
	}
	return strings.Join(lines, "\n")
}

// value says what stands behind a key.
func value(t *testing.T, s *jsonschema.Schema) string {
	t.Helper()
	switch {
	case s.Const != nil:
		return fmt.Sprintf("`%v`", s.Const)
	case s.Ref != "":
		return "[mapping](#" + section(t, s.Ref) + ")"
	case len(s.Enum) > 0:
		var words []string
		for _, e := range s.Enum {
			if word := fmt.Sprintf("`%v`", e); !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
		return strings.Join(words, ", ")
	case len(s.AnyOf) == 2 && s.AnyOf[1].Type == "null": // an empty section is as none
		return value(t, s.AnyOf[0])
	case len(s.OneOf) == 2:
		return value(t, s.OneOf[0]) + ", or " + value(t, s.OneOf[1])
	case s.Type == "array" && s.Items.Ref != "":
		return "[list](#" + section(t, s.Items.Ref) + ")"
	case s.Type == "array" && len(s.Items.Enum) > 0:
		return "list of " + value(t, s.Items)
	case s.Type == "array":
		return "list of " + value(t, s.Items) + "s"
	case s.Type == "object":
		of := "string"
		if s.AdditionalProperties != nil && (s.AdditionalProperties.Type != "" || s.AdditionalProperties.OneOf != nil) {
			of = value(t, s.AdditionalProperties)
		}
		return "mapping of names to: " + of
	case s.Type != "":
		return s.Type
	}
	t.Fatalf("what is %+v?", s)
	return ""
}

func section(t *testing.T, ref string) string {
	t.Helper()
	name := strings.TrimSuffix(strings.TrimPrefix(ref, "#/$defs/"), "Patch")
	if name == "Spec" {
		return "the-whole-file"
	}
	if sections[name] == "" {
		t.Fatalf("no heading for %s", ref)
	}
	return sections[name]
}
