package rig

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// InsideVariable is the environment variable that tells a process that it was started in namespaces of its own. Its value
// is a scratch directory.
const InsideVariable = "REGSYNC_RIG_INSIDE"

// Isolated reports whether the calling test runs in its own namespaces. Where it does not, Isolated executes this test
// (this very subtest) once more in new ones, takes over its outcome, and reports false: the caller has nothing left to do.
//
// The new process sees the address of the examples (192.168.1.140) on its loopback, no resolver, and overlays of /etc,
// /var and /opt that vanish with it. Cgroups and everything else of the machine stay as they are.
func Isolated(t *testing.T) bool {
	t.Helper()
	if os.Getenv(InsideVariable) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		Missing(t, "network and mount namespaces", "they need root")
		return false
	}
	isolate(t)
	return false
}

// Missing skips the test, saying which component is not there and why. Where CI=true is set it fails the test.
func Missing(t testing.TB, component, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing on this machine: %s: %s", component, why)
	}
	t.Skipf("missing on this machine: %s: %s", component, why)
}

func isolate(t *testing.T) {
	t.Helper()
	args := []string{"-test.v", "-test.count=1", "-test.run=" + exactly(t.Name())}
	if end, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout="+(time.Until(end)-5*time.Second).Round(time.Second).String())
	}
	scratch := t.TempDir()
	defer removeControlGroups(scratch)
	cmd := Namespaced(t.Context(), scratch, args...)
	cmd.Stdout, cmd.Stderr = nil, nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			Missing(t, "network and mount namespaces", err.Error())
		}
		t.Fatalf("starting the test in its own namespaces: %v", err)
	}
	verdict := ""
	var said strings.Builder
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		said.WriteString("\n" + line)
		if state, ok := strings.CutPrefix(strings.TrimSpace(line), "--- "); ok {
			if state, name, _ := strings.Cut(state, ": "); strings.HasPrefix(name, t.Name()+" ") || state == "SKIP" {
				verdict = state // also where only a part of it, said later, was skipped
			}
		}
	}
	err = cmd.Wait()
	t.Log("in its own namespaces:" + said.String())
	switch {
	case err != nil:
		t.Fatal(err)
	case verdict == "SKIP":
		t.Skip("skipped in its own namespaces, see above")
	case verdict != "PASS":
		t.Fatalf("the test did not run in its own namespaces: verdict %q", verdict)
	}
}

// Namespaced prepares this same program to run once more, with other arguments, in namespaces of its own. It is killed,
// and with it everything it has started, when ctx ends or the calling process does.
func Namespaced(ctx context.Context, scratch string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), InsideVariable+"="+scratch, "TMPDIR="+scratch)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
	}
	return cmd
}

// exactly returns the -test.run pattern that names one test only.
func exactly(name string) string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(parts, "/")
}
