package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsync/regsync/internal/ledger"
)

const oneRegistry = "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nregistries: [{host: a.example, address: 10.0.0.4}]\n"

// node makes a node below a directory that everybody may enter, with a spec beside it.
func nodeTree(t *testing.T) (root, spec string) {
	t.Helper()
	dir := t.TempDir()
	root, spec = filepath.Join(dir, "node"), filepath.Join(dir, "regsync.yaml")
	err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.MkdirAll(filepath.Join(root, "etc"), 0o755), os.WriteFile(spec, []byte(oneRegistry), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return root, spec
}

// in runs the program in this process.
func in(ctx context.Context, args ...string) (code int, out, complaint string) {
	var o, e bytes.Buffer
	code = run(ctx, args, streams{in: strings.NewReader(""), out: &o, err: &e}, func(string) string { return "" })
	return code, o.String(), e.String()
}

// TestInterrupted: whoever interrupts a run hears so by the exit code, wherever it waits.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received")) // as signal.NotifyContext does it
	root, spec := nodeTree(t)
	state := filepath.Join(root, "var/lib/regsync")

	code, _, complaint := in(ctx, "apply", "--root", root, "-f", spec, "--wait", "1h")
	if code != exitInterrupted {
		t.Errorf("waiting for a runtime: exit code %d, %s", code, complaint)
	}
	if _, err := os.Stat(filepath.Join(root, "var")); err == nil {
		t.Error("something was left behind")
	}

	lock, err := ledger.Acquire(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, complaint := in(ctx, "apply", "--root", root, "-f", spec, "--wait", "1h"); code != exitInterrupted {
		t.Errorf("waiting for the lock: exit code %d, %s", code, complaint)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

// TestInterruptedAsking: an interrupt ends the asking of an endpoint that is silent.
func TestInterruptedAsking(t *testing.T) {
	interrupts := make(chan context.CancelCauseFunc, 1)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		(<-interrupts)(errors.New("interrupt signal received"))
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	root, spec := nodeTree(t)
	host := strings.TrimPrefix(silent.URL, "http://")
	text := fmt.Sprintf("apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nnode: {runtime: containerd}\ninsecure: [%q]\n", host)
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	interrupted := func(args ...string) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		interrupts <- cancel
		if code, out, complaint := in(ctx, append(args, "--root", root, "-f", spec)...); code != exitInterrupted || out != "" {
			t.Errorf("%s: exit code %d\n%s%s", args[0], code, out, complaint)
		}
	}
	interrupted("plan", "--probe")
	if code, _, complaint := in(t.Context(), "apply", "--root", root, "-f", spec); code != exitDone {
		t.Fatalf("apply: exit code %d\n%s", code, complaint)
	}
	interrupted("verify")
}

func TestLocked(t *testing.T) {
	root, spec := nodeTree(t)
	lock, err := ledger.Acquire(t.Context(), filepath.Join(root, "var/lib/regsync"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"apply", "-f", spec}, {"reset"}, {"plan", "-f", spec, "--out", filepath.Join(t.TempDir(), "plan")}} {
		code, out, complaint := in(t.Context(), append(args, "--root", root)...)
		if code != exitError || out != "" || !strings.Contains(complaint, "another regsync is at work on this node (pid ") || !strings.Contains(complaint, "hint: let it end, or wait for it with --wait") {
			t.Errorf("%s: exit code %d\n%s%s", args[0], code, out, complaint)
		}
	}
	if code, out, _ := in(t.Context(), "status", "--root", root); code != exitPending || !strings.Contains(out, "At work: another regsync (pid ") {
		t.Errorf("status: exit code %d, %s", code, out)
	}
	if code, _, complaint := in(t.Context(), "plan", "--root", root, "-f", spec); code != exitDone {
		t.Errorf("a plan, which changes nothing: exit code %d, %s", code, complaint)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if code, _, complaint := in(t.Context(), "apply", "--root", root, "-f", spec); code != exitPart {
		t.Errorf("when it is free: exit code %d, %s", code, complaint)
	}
}

// TestNobody runs as a user who may do nothing.
func TestNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming somebody else needs root")
	}
	root, spec := nodeTree(t)
	program := filepath.Join(filepath.Dir(root), "regsync")
	if err := copyFile(program, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	nobody := func(args ...string) (int, string) {
		cmd := exec.Command(program, args...)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	code, out := nobody("apply", "--root", root, "-f", spec)
	if code != exitError || !strings.Contains(out, "permission denied") || !strings.Contains(out, "hint: regsync looks after files of root: run it as root") {
		t.Errorf("apply: exit code %d\n%s", code, out)
	}
	if code, out = nobody("plan", "--root", root, "-f", spec); code != exitDone {
		t.Errorf("plan, where everything may be read: exit code %d\n%s", code, out)
	}
	if code, _, out := in(t.Context(), "apply", "--root", root, "-f", spec); code != exitPart {
		t.Fatalf("as root: exit code %d\n%s", code, out)
	}
	if code, out = nobody("plan", "--root", root, "-f", spec); code != exitError || !strings.Contains(out, "hint: regsync looks after files of root: run it as root") {
		t.Errorf("plan, where the ledger may not be read: exit code %d\n%s", code, out)
	}
	if err := os.Chmod(spec, 0); err != nil {
		t.Fatal(err)
	}
	if code, out = nobody("validate", "-f", spec); code != exitError || !strings.Contains(out, "regsync: error: reading \""+spec+"\": permission denied") {
		t.Errorf("validate of a file that may not be read: exit code %d\n%s", code, out)
	}
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

// TestAsking: on a terminal an apply asks, and takes only a clear yes. Elsewhere it does not ask.
func TestAsking(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "yes\n": true, "YES\n": true, "y": true, "\n": false, "n\n": false, "": false, "yep\n": false, "no\ny\n": false} {
		var e bytes.Buffer
		c := &command{streams: streams{in: strings.NewReader(answer), err: &e}}
		if got := c.agreed(); got != want || !strings.Contains(e.String(), "[y/N]") {
			t.Errorf("%q: %v, want %v", answer, got, want)
		}
	}
}
