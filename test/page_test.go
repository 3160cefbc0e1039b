package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// changing is what differs from one run to the next: days, durations, versions, and so the width of columns.
var changing = []struct{ what, as string }{
	{`\d{4}-\d\d-\d\d(T[0-9:]+Z)?`, "DAY"},
	{`\b[0-9.]+(µs|ms|s)\b`, "TIME"},
	{`containerd v?[0-9.]+\S*`, "containerd"},
	{` {2,}`, "  "},
}

// shown FILE PAGE LANGUAGE: FILE, which may be stdout, is the first block of that language on a page, but for what changes from one run to the next.
func cmdShown(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 || neg {
		ts.Fatalf("usage: shown FILE PAGE LANGUAGE")
	}
	page, err := os.ReadFile(filepath.Join(ts.Getenv("SOURCE"), args[1]))
	ts.Check(err)
	_, want, ok := strings.Cut(string(page), "```"+args[2]+"\n")
	if !ok {
		ts.Fatalf("%s has no block of %s", args[1], args[2])
	}
	want, _, _ = strings.Cut(want, "```")
	got := ts.ReadFile(args[0])
	for _, c := range changing {
		pattern := regexp.MustCompile(c.what)
		want, got = pattern.ReplaceAllString(want, c.as), pattern.ReplaceAllString(got, c.as)
	}
	if got != want {
		ts.Fatalf("%s shows\n%s\nand it is\n%s", args[1], want, got)
	}
}
