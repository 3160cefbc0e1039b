package test

import (
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

func init() { commands["pictured"] = cmdPictured }

// pictured FILE: FILE, which may be stdout, is what the picture of README is drawn from, colours and all. UPDATE=1 writes it;
// make picture draws.
func cmdPictured(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: pictured FILE")
	}
	recording := filepath.Join(ts.Getenv("SOURCE"), "docs/picture/plan.ansi")
	now := ts.ReadFile(args[0])
	was, err := os.ReadFile(recording)
	if err == nil && steady(string(was)) == steady(now) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		ts.Fatalf("the picture shows\n%s\nand it is\n%s\nmake picture draws it anew", was, now)
	}
	ts.Check(os.WriteFile(recording, []byte(now), 0o644))
}
