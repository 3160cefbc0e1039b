package test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func init() { commands["symptom"] = cmdSymptom }

// symptom RULE IMAGE | log | stderr: a pull of IMAGE fails, containerd has logged, or the last command has said, what docs/troubleshooting.md
// shows beside that rule, and doctor, which has looked at the node before, found the rule there.
func cmdSymptom(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: symptom RULE IMAGE|log|stderr")
	}
	n, said := here(ts), ""
	switch args[1] {
	case "stderr":
		said = ts.ReadFile("stderr")
	case "log":
		if n.microk8s != nil {
			said = ts.ReadFile(n.microk8s.Log)
		} else {
			said = ts.ReadFile(n.containerd.Log)
		}
	default:
		id, err := n.cri(ts).Pull(context.Background(), args[1])
		if err == nil {
			ts.Fatalf("%s was pulled: %s", args[1], id)
		}
		said = err.Error()
	}
	page, err := os.ReadFile(filepath.Join(ts.Getenv("SOURCE"), "docs/troubleshooting.md"))
	ts.Check(err)
	if !shows(string(page), args[0], said) {
		ts.Fatalf("no row of %s has this:\n%s", args[0], said)
	}
	cmdFinds(ts, false, args[:1])
}

// symptomRow is a row of the page: what is seen, in which … stands for anything, and the rule.
var symptomRow = regexp.MustCompile("(?m)^\\| (?:`` ?(.+?) ?``|`(.+?)`).* \\| \\[([a-z0-9-]+)\\]\\(doctor\\.md#")

// shows reports whether a row of a rule has what was said.
func shows(page, rule, said string) bool {
	for _, row := range symptomRow.FindAllStringSubmatch(page, -1) {
		seen := strings.ReplaceAll(regexp.QuoteMeta(row[1]+row[2]), "…", ".*")
		if row[3] == rule && regexp.MustCompile(seen).MatchString(said) {
			return true
		}
	}
	return false
}
