package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// restartUnit has systemd restart a unit, and waits for the result.
func restartUnit(ctx context.Context, host, unit string) error {
	conn, err := systemd(ctx, host)
	if err != nil {
		return fmt.Errorf("restarting %s: %w: %w; by hand: systemctl restart %s", unit, ErrNoService, err, unit)
	}
	defer conn.Close()
	done := make(chan string, 1)
	if _, err := conn.RestartUnitContext(ctx, unit, "replace", done); err != nil {
		var refused godbus.Error
		if errors.As(err, &refused) && refused.Name == "org.freedesktop.systemd1.NoSuchUnit" {
			return fmt.Errorf("restarting %s: %w: systemd has no such unit", unit, ErrNoService)
		}
		return fmt.Errorf("restarting %s: %w", unit, err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("restarting %s: systemd's job has ended as %q: see journalctl -u %s", unit, result, unit)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("restarting %s: %w", unit, context.Cause(ctx))
	}
}

// unitStopped reports whether a unit is loaded and inactive. One that has failed is not: it was meant to run.
func unitStopped(ctx context.Context, host, unit string) bool {
	conn, err := systemd(ctx, host)
	if err != nil {
		return false
	}
	defer conn.Close()
	load, err := conn.GetUnitPropertyContext(ctx, unit, "LoadState")
	if err != nil || load.Value.Value() != "loaded" {
		return false
	}
	active, err := conn.GetUnitPropertyContext(ctx, unit, "ActiveState")
	return err == nil && active.Value.Value() == "inactive"
}

// systemd connects to the systemd of the node that is mounted at host, by its bus, or where there is none by systemd's own socket.
func systemd(ctx context.Context, host string) (*dbus.Conn, error) {
	root := "/"
	if host != "" {
		root = host
	}
	conn, err := dbus.NewConnection(func() (*godbus.Conn, error) {
		return bus(ctx, filepath.Join(root, "run/dbus/system_bus_socket"), true)
	})
	if err == nil {
		return conn, nil
	}
	conn, private := dbus.NewConnection(func() (*godbus.Conn, error) {
		return bus(ctx, filepath.Join(root, "run/systemd/private"), false)
	})
	if private != nil {
		return nil, fmt.Errorf("no systemd is reachable (%w; %w)", err, private)
	}
	return conn, nil
}

// bus opens a D-Bus connection to a socket. systemd's own socket knows no Hello.
func bus(ctx context.Context, socket string, hello bool) (*godbus.Conn, error) {
	conn, err := godbus.Dial("unix:path="+godbus.EscapeBusAddressValue(socket), godbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if err = conn.Auth([]godbus.Auth{godbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil && hello {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
