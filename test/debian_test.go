package test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/test/rig"
)

// debian node|judges: mounts a Debian root, which stands in $DEBIAN from then on; the release under test is its /release.
// debian node|judges in DIR: mounts another one in that, for what works on an image from outside.
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
		ts.Fatalf("usage: debian node|judges [in DIR] | debian CODE PROGRAM ARGS…")
	}
	if len(args) == 3 && args[1] == "in" {
		root, err := rig.MountDebian(args[0], n.dir, "")
		ts.Check(err)
		dir := filepath.Join(n.debian, args[2])
		ts.Check(os.MkdirAll(dir, 0o755))
		ts.Check(unix.Mount(root, dir, "", unix.MS_BIND|unix.MS_REC, ""))
		return
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
