package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestJSON runs the verbs that give a document, on a node to which a file was applied, and wants commands.md to name what is in it.
func TestJSON(t *testing.T) {
	root := t.TempDir()
	unpack(t, "../examples/testdata/containerd.txtar", root)
	spec := filepath.Join(root, "regsync.yaml")
	if err := os.WriteFile(spec, []byte("apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nregistries: [{host: harbor.lab}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"plan"},
		{"apply", "--yes"},
		{"status"},
		{"history"},
		{"history", "1"},
		{"recover"},
		{"validate"},
		{"verify"},
		{"explain", "harbor.lab/app:1", "--containerd", "2.2.9"},
		{"doctor"},
		{"doctor", "--rules"},
		{"version"},
		{"reset", "--yes"},
	} {
		named := documented(t, args[0])
		for key, value := range document(t, append(args, "--root", root, "-f", spec, "-o", "json")) {
			if !strings.Contains(named, "`"+key+"`") {
				t.Errorf("commands.md says nothing of %q in the JSON of %v", key, args)
			}
			if strings.Contains(named, ".md#json") {
				continue // a page of its own says more
			}
			entries, _ := value.([]any)
			for _, e := range entries {
				entry, _ := e.(map[string]any)
				for key := range entry {
					if !strings.Contains(named, "`"+key+"`") {
						t.Errorf("commands.md says nothing of %q in the JSON of %v", key, args)
					}
				}
			}
		}
	}
}

// documented is the line of the table for a verb.
func documented(t *testing.T, verb string) string {
	t.Helper()
	for _, line := range read(t, "commands.md") {
		cells := strings.SplitN(line, "|", 3)
		if len(cells) == 3 && strings.Contains(cells[1], "`"+verb+"`") && strings.Contains(cells[2], "`") {
			return cells[2] + "`formatVersion`"
		}
	}
	t.Fatalf("commands.md has no JSON of %s", verb)
	return ""
}

func document(t *testing.T, args []string) map[string]any {
	t.Helper()
	out, _ := exec.Command(regsync, args...).Output() // verify and doctor exit with 2
	var d map[string]any
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return d
}
