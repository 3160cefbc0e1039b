package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/test/rig"
)

// strangers are what stands where the state directory has a file.
var strangers = map[string]func(name string) error{
	"a named pipe": func(name string) error { return unix.Mkfifo(name, 0o600) },
	"a device":     func(name string) error { return unix.Mknod(name, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) },
	"a directory":  func(name string) error { return os.MkdirAll(filepath.Join(name, "inside"), 0o700) },
}

// ofState are the files of the state directory after an apply, and what an apply and a history say when one of them is something else;
// empty: it is not needed, and nothing needs to be said.
var ofState = []struct {
	name    string
	code    int
	apply   string
	history string
}{
	{"ledger", 0, "the ledger is damaged", ""},
	{"key", 0, "the ledger is damaged", ""},
	{"journal.json", 0, "cannot be trusted: it is ", ""},
	{"failure", 0, "", ""},
	{"generations/1", 0, "", "is damaged: it is "},
	{"generations/blobs", 0, "", ""},
	{"generations", 1, "XX", ""},
	{"backups", 1, "XX", ""},
	{"lock", 1, "move it out of the way", ""},
}

// TestStrange puts something else where the state directory has a file. No command hangs or opens it, and no word of it is trusted.
func TestStrange(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	for _, file := range ofState {
		for what, make := range strangers {
			t.Run(strings.ReplaceAll(file.name, "/", "-")+" is "+what, func(t *testing.T) {
				h := newHostile(t, program)
				h.run("apply", "-f", h.spec)
				name := filepath.Join(h.on("var/lib/regsync"), file.name)
				h.check(os.RemoveAll(name))
				h.check(make(name))
				for _, verb := range []string{"status", "plan"} { // which change nothing, and say what they can
					if code, out := h.run(verb, "-f", h.spec); code != 0 && code != 2 {
						t.Errorf("%s: exit code %d\n%s", verb, code, out)
					}
				}
				if code, out := h.run("history", "1"); file.history != "" && (code != 1 || !strings.Contains(out, file.history+what)) {
					t.Errorf("history: exit code %d\n%s", code, out)
				}
				if code, out := h.run("apply", "-f", h.spec); code != file.code || !strings.Contains(out, file.apply) {
					t.Errorf("apply: exit code %d, want %d and %q\n%s", code, file.code, file.apply, out)
				}
				if file.code != 0 {
					return
				}
				if code, out := h.run("plan", "-f", h.spec, "--detailed-exitcode"); code != 0 {
					t.Errorf("a plan afterwards: exit code %d\n%s", code, out)
				}
				if code, out := h.run("reset", "--yes"); code != 0 {
					t.Errorf("reset: exit code %d\n%s", code, out)
				}
			})
		}
	}
}
