package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

// TestCapture pulls on each release before a node is captured and after what was captured is applied. The access logs of the registries name
// the same ones: who resolved, and who served the manifest.
func TestCapture(t *testing.T) {
	for _, release := range []string{"1.6", "1.7", "2.2"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			require(t, release)
			regsync(t)
			if !rig.Isolated(t) {
				return
			}
			lab := newLab(t, release)
			for _, s := range states(5) {
				if s.Starts || s.Only != "" && s.Only != release {
					continue
				}
				t.Run(s.Name, func(t *testing.T) {
					image := lab.lay(t, s)
					resolved, served, failed := lab.pull(t, image)
					file := lab.captured(t)
					lab.must(t, nil, "apply", "--yes", "-f", file)
					again, then, fails := lab.pull(t, image)
					if again != resolved || then != served || fails != failed {
						text, _ := os.ReadFile(file)
						t.Errorf("before: resolved by %q, served by %q, fails %v; after: %q, %q, %v\n%s", resolved, served, failed, again, then, fails, text)
					}
					lab.must(t, nil, "reset", "--yes")
				})
			}
		})
	}
}

// pull pulls an image and removes it again, and gives who resolved and who served it.
func (l *lab) pull(t *testing.T, image string) (resolved, served string, failed bool) {
	t.Helper()
	for _, r := range l.registries {
		r.Forget()
	}
	id, err := l.containerd.CRI.Pull(t.Context(), image)
	resolved, served = l.seen()
	if err != nil {
		return resolved, "", true
	}
	if err := l.containerd.CRI.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return resolved, served, false
}

// captured captures the node into a file.
func (l *lab) captured(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	l.must(t, &out, "capture")
	file := filepath.Join(t.TempDir(), "captured.yaml")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// must runs regsync, which has to succeed.
func (l *lab) must(t *testing.T, out *bytes.Buffer, args ...string) {
	t.Helper()
	var said bytes.Buffer
	if out == nil {
		out = &said
	}
	cmd := exec.Command(os.Getenv("REGSYNC"), args...)
	cmd.Stdout, cmd.Stderr = out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, said.String())
	}
}
