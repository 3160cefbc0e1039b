package test

import (
	"context"
	"errors"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// systemd start: boots a systemd in which nothing runs yet; its units are those of the machine's packages.
// systemd restart: the same after a power cut.
// systemd CODE PROGRAM ARGS…: runs a program beside it, as on a node that systemd has booted, and expects its exit code.
func cmdSystemd(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	if len(args) == 1 && args[0] == "start" {
		running, err := rig.StartSystemd(context.Background(), n.dir)
		n.systemd = running
		settle(ts, neg, err)
		return
	}
	if len(args) == 1 && args[0] == "restart" && n.systemd != nil {
		running, err := n.systemd.Restart(context.Background(), n.dir)
		n.systemd = running
		settle(ts, neg, err)
		return
	}
	if len(args) < 2 || neg || n.systemd == nil {
		ts.Fatalf("usage: systemd start|restart | systemd CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := n.systemd.Command(context.Background(), ts.MkAbs("."), args[1:]...)
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=/root"}
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err = cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		ts.Fatalf("running %q: %v", args[1:], err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Logf("what the units said:\n%s", ts.ReadFile("/var/log/units.log"))
		ts.Fatalf("%q: exit code %d, expected %d", args[1:], got, want)
	}
}
