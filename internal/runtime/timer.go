package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ErrNoTimer says that nothing outlives this process that could start a program later.
var ErrNoTimer = errors.New("no systemd runs here")

// StartLater has systemd run a program when some time has passed, whatever becomes of this process. A timer does not outlive a reboot.
// It is systemd-run that asks: the names of a timer's properties on the bus changed between versions.
func StartLater(ctx context.Context, unit string, after time.Duration, argv ...string) error {
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return ErrNoTimer
	}
	args := append([]string{
		"--quiet", "--collect", "--unit=" + unit, "--description=Undo what nobody has confirmed", fmt.Sprintf("--on-active=%dms", after.Milliseconds()),
		"--timer-property=AccuracySec=100ms", "--setenv=PATH=" + os.Getenv("PATH"), "--",
	}, argv...)
	out, err := exec.CommandContext(ctx, "systemd-run", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("systemd-run: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Enabled reports whether systemd starts a unit at boot. False where there is nobody to ask.
func Enabled(ctx context.Context, unit string) bool {
	conn, err := systemd(ctx, "")
	if err != nil {
		return false
	}
	defer conn.Close()
	state, err := conn.GetUnitPropertyContext(ctx, unit, "UnitFileState")
	return err == nil && strings.HasPrefix(fmt.Sprint(state.Value.Value()), "enabled")
}
