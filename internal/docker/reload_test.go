package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"
)

// standIn is a systemd on a bus of its own, as far as the reload of a unit goes.
type standIn struct {
	bus      *godbus.Conn
	unit     map[string]any // the properties of docker.service
	result   string         // of a job
	reloaded chan string    // the units that were reloaded, with room for some
}

// ReloadUnit is the method of org.freedesktop.systemd1.Manager. The job is done before the answer is there, as may happen.
func (s *standIn) ReloadUnit(name, mode string) (godbus.ObjectPath, *godbus.Error) {
	s.reloaded <- name + " " + mode
	const job = "/org/freedesktop/systemd1/job/1"
	if err := s.bus.Emit("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager.JobRemoved", uint32(1), godbus.ObjectPath(job), name, s.result); err != nil {
		return "", godbus.MakeFailedError(err)
	}
	return job, nil
}

// GetAll is the method of org.freedesktop.DBus.Properties.
func (s *standIn) GetAll(string) (map[string]godbus.Variant, *godbus.Error) {
	properties := map[string]godbus.Variant{}
	for name, value := range s.unit {
		properties[name] = godbus.MakeVariant(value)
	}
	return properties, nil
}

// startStandIn puts a system bus with s on it under root, until the test ends.
func startStandIn(t *testing.T, root string, s *standIn) {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED, the way over D-Bus was not tested: dbus-daemon is not installed (apt-get install dbus-daemon)")
	}
	for _, dir := range []string{"run/dbus", "run/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	address := "unix:path=" + filepath.Join(root, "run/dbus/system_bus_socket")
	config := filepath.Join(root, "bus.conf")
	err = os.WriteFile(config, fmt.Appendf(nil, `<busconfig><listen>%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/></policy></busconfig>`, address), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(program, "--config-file="+config, "--nofork", "--nopidfile", "--print-address")
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { daemon.Process.Kill(); daemon.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // the address: it listens
		t.Fatal(err)
	}
	if s.bus, err = godbus.Connect(address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.bus.Close() })
	err = errors.Join(
		s.bus.Export(s, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"),
		s.bus.Export(s, "/org/freedesktop/systemd1/unit/docker_2eservice", "org.freedesktop.DBus.Properties"),
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.bus.RequestName("org.freedesktop.systemd1", godbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

func TestReloadBySystemd(t *testing.T) {
	for _, tt := range []struct {
		name     string
		unit     map[string]any
		result   string
		reloaded bool
		want     string // in the error
	}{
		{"active", map[string]any{"ActiveState": "active", "CanReload": true, "MainPID": uint32(77)}, "done", true, ""},
		{"refused", map[string]any{"ActiveState": "active", "CanReload": true, "MainPID": uint32(77)}, "failed", true, "systemd says failed"},
		{"starting", map[string]any{"ActiveState": "activating", "CanReload": true, "MainPID": uint32(77)}, "done", false, "not running"},
		{"stopped", map[string]any{"ActiveState": "inactive", "CanReload": true, "MainPID": uint32(0)}, "done", false, "not running"},
		{"no reload", map[string]any{"ActiveState": "active", "CanReload": false, "MainPID": uint32(77)}, "done", false, "not running"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			root, err := os.MkdirTemp("", "bus-") // short: a socket's path has at most 107 bytes
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(root) })
			s := &standIn{unit: tt.unit, result: tt.result, reloaded: make(chan string, 8)}
			startStandIn(t, root, s)
			err = Daemon{Root: root}.Reload(ctx)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("reloading: %v, want %q", err, tt.want)
			}
			var reloaded, want []string
			for len(s.reloaded) > 0 {
				reloaded = append(reloaded, <-s.reloaded)
			}
			if tt.reloaded {
				want = []string{"docker.service replace"}
			}
			if !slices.Equal(reloaded, want) {
				t.Errorf("systemd was told to reload %q, want %q", reloaded, want)
			}
		})
	}
}
