package rig

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

//go:embed systemd/boot
var bootScript string

// Systemd is a systemd that is process 1 of its own namespaces, with the packages' own units and a D-Bus.
type Systemd struct{ *Daemon }

// SystemdProgram returns where this machine has systemd.
func SystemdProgram() (string, error) {
	for _, name := range []string{"/usr/lib/systemd/systemd", "/lib/systemd/systemd"} {
		if _, err := os.Stat(name); err == nil {
			_, err := exec.LookPath("dbus-daemon")
			return name, err
		}
	}
	return "", errors.New("no systemd on this machine")
}

// StartSystemd boots systemd, which starts nothing by itself but D-Bus when it is asked. What containerd and dockerd
// keep goes to dir, which is a real file system.
func StartSystemd(ctx context.Context, dir string) (*Systemd, error) {
	program, err := SystemdProgram()
	if err != nil {
		return nil, err
	}
	for _, state := range []string{"/var/lib/containerd", "/var/lib/docker"} {
		real := filepath.Join(dir, filepath.Base(state)+"-state")
		if err := errors.Join(os.MkdirAll(real, 0o755), os.MkdirAll(state, 0o755)); err != nil {
			return nil, err
		}
		if err := unix.Mount(real, state, "", unix.MS_BIND, ""); err != nil {
			return nil, fmt.Errorf("mounting %q: %w", state, err)
		}
	}
	boot := filepath.Join(dir, "boot")
	if err := os.WriteFile(boot, []byte(bootScript), 0o755); err != nil {
		return nil, err
	}
	daemon, err := startDaemon(filepath.Join(dir, "systemd.log"), &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setsid:     true,
		Pdeathsig:  syscall.SIGKILL,
	}, boot, controlGroup(os.Getenv(InsideVariable)), program)
	if err != nil {
		return nil, err
	}
	s := &Systemd{daemon}
	err = daemon.await(ctx, func(ctx context.Context) error {
		if _, err := os.Stat("/run/systemd/private"); err != nil {
			return err
		}
		return s.Command(ctx, "/", "systemctl", "start", "dbus.service").Run()
	})
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Restart is a reboot: everything that runs is gone, and with it what stood in /run; then systemd starts again.
func (s *Systemd) Restart(ctx context.Context, dir string) (*Systemd, error) {
	s.Stop()
	removeControlGroups(os.Getenv(InsideVariable))
	for _, gone := range []string{"/run/systemd", "/run/dbus", "/run/containerd", "/run/docker", "/run/docker.sock"} {
		if err := os.RemoveAll(gone); err != nil {
			return nil, err
		}
	}
	return StartSystemd(ctx, dir)
}

// Command prepares a program that runs in dir among systemd's processes and mounts, as anything on that node does.
func (s *Systemd) Command(ctx context.Context, dir string, argv ...string) *exec.Cmd {
	// The shell is there for the directory: it has to be entered in the namespace, not before.
	args := append([]string{
		"--target=" + strconv.Itoa(s.Pid()), "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--",
		"sh", "-c", `cd "$0" && exec "$@"`, dir,
	}, argv...)
	return exec.CommandContext(ctx, "nsenter", args...)
}

// Stop kills systemd, and with it all that it runs: an orderly shutdown would tell nothing more.
func (s *Systemd) Stop() {
	s.cmd.Process.Kill()
	<-s.done
}

// controlGroup is the name of the cgroup in which the systemd of a scratch directory has its own.
func controlGroup(scratch string) string {
	return "regsync-rig" + strings.ReplaceAll(scratch, "/", "-")
}

// removeControlGroups removes the cgroups that the systemd of a scratch directory has left. They are empty by then.
func removeControlGroups(scratch string) {
	for _, hierarchy := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		var groups []string
		filepath.WalkDir(filepath.Join(hierarchy, controlGroup(scratch)), func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				groups = append(groups, path)
			}
			return err
		})
		for i := len(groups) - 1; i >= 0; i-- {
			unix.Rmdir(groups[i])
		}
	}
}
