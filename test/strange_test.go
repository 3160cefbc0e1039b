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

// TestStrangeFolder puts something else where the state directory has a directory. What would write there says where it stands, and changes
// nothing; backups that are not there are lost.
func TestStrangeFolder(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	for folder, says := range map[string]string{"backups": "is lost", "generations": "not a directory", "generations/blobs": "not a directory", "undo": "not a directory"} {
		for what, make := range strangers {
			if what == "a directory" {
				continue
			}
			t.Run(strings.ReplaceAll(folder, "/", "-")+" is "+what, func(t *testing.T) {
				h := newHostile(t, program)
				h.run("apply", "-f", h.spec)
				before, err := take([]string{h.on("etc")})
				h.check(err)
				name := filepath.Join(h.on("var/lib/regsync"), folder)
				h.check(os.RemoveAll(name))
				h.check(make(name))
				if code, out := h.run("plan", "-f", h.spec); code != 0 {
					t.Errorf("plan: exit code %d\n%s", code, out)
				}
				code, out := h.run("reset")
				if !strings.Contains(out, says) || (code != 0) != (folder != "backups") {
					t.Errorf("reset: exit code %d, want %q\n%s", code, says, out)
				}
				if code == 0 {
					return
				}
				after, err := take([]string{h.on("etc")})
				h.check(err)
				if difference := after.differs(before); difference != "" {
					t.Errorf("changed:\n%s", difference)
				}
				h.check(os.RemoveAll(name))
				if code, out := h.run("reset"); code != 0 {
					t.Errorf("reset, when it is gone: exit code %d\n%s", code, out)
				}
			})
		}
	}
}
