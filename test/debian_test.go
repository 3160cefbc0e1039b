package test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// debian node|judges: mounts a Debian root, which stands in $DEBIAN from then on; the release under test is its /release.
// debian CODE PROGRAM ARGS…: runs a program in it and expects its exit code.
func cmdDebian(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	if len(args) == 1 && n.debian == "" {
		root, err := rig.MountDebian(args[0], n.dir, os.Getenv(releaseVariable))
		n.debian = root
		ts.Setenv("DEBIAN", root)
		settle(ts, neg, err)
		return
	}
	if len(args) < 2 || neg || n.debian == "" {
		ts.Fatalf("usage: debian node|judges | debian CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := rig.InDebian(context.Background(), n.debian, args[1:]...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err = cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		ts.Fatalf("running %q: %v", args[1:], err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%q: exit code %d, expected %d", args[1:], got, want)
	}
}
