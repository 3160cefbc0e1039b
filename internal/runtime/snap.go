package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// snapBusy is snap's exit status where another change of the same snap is in progress (snapd, cmd/snap).
const snapBusy = 10

// The pauses between attempts while snapd is busy; a refresh takes minutes.
const (
	busyShortest = 200 * time.Millisecond
	busyLongest  = 5 * time.Second
)

// snapRestart restarts a service of a snap by the snap command on PATH. While snapd is busy it is tried again until ctx ends.
func snapRestart(ctx context.Context, service string) error {
	snap, err := exec.LookPath("snap")
	if err != nil {
		return fmt.Errorf("restarting %s: %w: no snap command on PATH; by hand: snap restart %s", service, ErrNoService, service)
	}
	return retry(ctx, busyShortest, busyLongest, func() (bool, error) {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, snap, "restart", service)
		cmd.Env = append(os.Environ(), "LC_ALL=C") // for the words below
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 5 * time.Second
		err := cmd.Run()
		if err == nil {
			return true, nil
		}
		said := strings.TrimSpace(out.String())
		if said != "" {
			said = ": " + said
		}
		if isBusy(err, said) {
			return false, fmt.Errorf("restarting %s: %w%s", service, ErrBusy, said)
		}
		return true, fmt.Errorf("restarting %s: %w%s", service, err, said)
	})
}

// isBusy tells a snapd that is busy from a restart that went wrong.
func isBusy(err error, said string) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == snapBusy || strings.Contains(said, "change in progress"))
}
