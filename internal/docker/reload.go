package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

const unit = "docker.service"

// Reload makes dockerd read daemon.json again: through systemd where that runs it, else by SIGHUP. It does not say whether
// dockerd took the file; that, and that it has read it, is seen by AwaitInfo. It fails with ErrNotRunning where there is none. One that
// is starting is waited for, so ctx should have an end.
func (d Daemon) Reload(ctx context.Context) error {
	pid, noPid := d.pid("/proc") // the processes that we can send a signal to
	if done, err := d.reloadUnit(ctx, pid); done {
		return err
	}
	if noPid != nil {
		return noPid
	}
	// A dockerd that is still starting dies of a SIGHUP. It catches the signal before it answers (moby cmd/dockerd/daemon.go, start).
	if _, err := d.AwaitInfo(ctx, func(Info) bool { return true }); err != nil {
		return fmt.Errorf("reloading dockerd, process %d: %w", pid, err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("reloading dockerd, process %d: %w", pid, err)
	}
	defer process.Release()
	if !isDockerd("/proc", pid) { // now that its number can no longer be given to another
		return fmt.Errorf("process %d is no dockerd: %w", pid, ErrNotRunning)
	}
	if err := process.Signal(syscall.SIGHUP); errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("reloading dockerd, process %d: %w", pid, ErrNotRunning)
	} else if err != nil {
		return fmt.Errorf("reloading dockerd, process %d: %w", pid, err)
	}
	return nil
}

// reloadUnit reloads docker.service. done is false where systemd does not run the dockerd that is meant: pid, if that is not 0.
func (d Daemon) reloadUnit(ctx context.Context, pid int) (done bool, err error) {
	if _, err := os.Stat(d.on("/run/systemd/system")); err != nil { // sd_booted(3)
		return false, nil
	}
	bus, err := d.systemd(ctx)
	if err != nil {
		return false, nil
	}
	defer bus.Close()
	properties, err := bus.GetAllPropertiesContext(ctx, unit)
	if err != nil || properties["ActiveState"] != "active" || properties["CanReload"] != true {
		return false, nil
	}
	if main, ok := properties["MainPID"].(uint32); pid != 0 && ok && int(main) != pid {
		return false, nil
	}
	result := make(chan string, 1)
	if _, err := bus.ReloadUnitContext(ctx, unit, "replace", result); err != nil {
		return true, fmt.Errorf("reloading %q: %w", unit, err)
	}
	select {
	case <-ctx.Done():
		return true, fmt.Errorf("reloading %q: %w", unit, ctx.Err())
	case r := <-result:
		if r != "done" {
			return true, fmt.Errorf("reloading %q: systemd says %s", unit, r)
		}
		return true, nil
	}
}

// systemd connects to the node's systemd by its system bus.
func (d Daemon) systemd(ctx context.Context) (*dbus.Conn, error) {
	return dbus.NewConnection(func() (*godbus.Conn, error) {
		bus, err := godbus.Dial("unix:path="+d.on("/run/dbus/system_bus_socket"), godbus.WithContext(ctx))
		if err != nil {
			return nil, err
		}
		if err := bus.Auth(nil); err != nil {
			return nil, errors.Join(err, bus.Close())
		}
		if err := bus.Hello(); err != nil {
			return nil, errors.Join(err, bus.Close())
		}
		return bus, nil
	})
}
