package examples_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCapture captures nodes as the examples leave them, as if somebody else had written what is there. The plan of what was captured takes it
// over. Only words that regsync writes for people may change in it, and where a password is not known yet the file stays as it is.
func TestCapture(t *testing.T) {
	for _, node := range glob(t, "testdata/*.txtar") {
		name := strings.TrimSuffix(filepath.Base(node), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, example := range glob(t, "*.yaml") {
				if example == "plain-containerd.yaml" && name != "containerd" {
					continue // it makes a second runtime beside the one that is there
				}
				root := t.TempDir()
				unpack(t, node, root)
				run(t, applyCode(t, example, name), "apply", "--yes", "-f", example, "--root", root)
				run(t, 0, "capture", "--root", root)
				if err := os.RemoveAll(filepath.Join(root, "var/lib/regsync")); err != nil {
					t.Fatal(err)
				}
				captured(t, example, root)
			}
		})
	}
}

// captured captures a node, and wants a plan that writes nothing new.
func captured(t *testing.T, what, root string) {
	t.Helper()
	text := run(t, 0, "capture", "--root", root)
	file := filepath.Join(t.TempDir(), "captured.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, 0, "validate", "-f", file)
	if strings.Contains(text, "has its mirrors inline") {
		return // they move to certs.d
	}
	var plan struct {
		Changes   []struct{ Name, Action, Reason, Diff string }
		Conflicts []struct{ Name, Reason string }
	}
	if err := json.Unmarshal([]byte(run(t, 0, "plan", "-f", file, "-o", "json", "--root", root)), &plan); err != nil {
		t.Fatal(err)
	}
	for _, c := range plan.Changes {
		if c.Action != "adopt" && !onlyWords(c.Diff) {
			t.Errorf("%s: %s %s: %s\n%s\n%s", what, c.Action, c.Name, c.Reason, c.Diff, text)
		}
	}
	for _, c := range plan.Conflicts {
		if strings.Contains(c.Reason, ".password") {
			continue
		}
		t.Errorf("%s: conflict %s: %s\n%s", what, c.Name, c.Reason, text)
	}
}

// onlyWords reports whether a difference is one of comments alone.
func onlyWords(diff string) bool {
	lines := 0
	for line := range strings.Lines(diff) {
		changed := (strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+")) && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++")
		if changed {
			lines++
		}
		if changed && !strings.HasPrefix(line[1:], "#") {
			return false
		}
	}
	return lines > 0
}
