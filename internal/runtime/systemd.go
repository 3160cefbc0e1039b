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
	// A unit that has failed too often of late, perhaps by the very file that has just been put back, is not started again before its count
	// is set to zero (systemctl(1), reset-failed).
	_ = conn.ResetFailedUnitContext(ctx, unit)
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

// unitState gives the active state of a unit; empty where systemd does not know the unit, or cannot be asked.
func unitState(ctx context.Context, host, unit string) string {
	conn, err := systemd(ctx, host)
	if err != nil {
		return ""
	}
	defer conn.Close()
	properties, err := conn.GetUnitPropertiesContext(ctx, unit)
	if err != nil || properties["LoadState"] != "loaded" {
		return ""
	}
	state, _ := properties["ActiveState"].(string)
	return state
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
