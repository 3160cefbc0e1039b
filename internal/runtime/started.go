package runtime

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Started gives the process that listens at socket, and since when it runs, to some hundredths of a second. A config that is
// younger is not what it has loaded.
func Started(socket string) (pid int, started time.Time, err error) {
	pid, err = listener(socket)
	if err != nil {
		return 0, time.Time{}, err
	}
	started, err = startTime(pid)
	return pid, started, err
}

// listener gives the process that called listen on a Unix socket (SO_PEERCRED, unix(7)).
func listener(socket string) (int, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0, fmt.Errorf("dialling %q: %w", socket, err)
	}
	defer conn.Close()
	control, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("asking who listens at %q: %w", socket, err)
	}
	var cred *syscall.Ucred
	var credErr error
	if err := control.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		credErr = err
	}
	if credErr != nil {
		return 0, fmt.Errorf("asking who listens at %q: %w", socket, credErr)
	}
	if cred.Pid == 0 {
		return 0, fmt.Errorf("asking who listens at %q: its process is not visible from here", socket)
	}
	return int(cred.Pid), nil
}

// ticks is USER_HZ, in which /proc gives times: 100 on all architectures that Go runs on.
const ticks = 100

// startTime reads when a process began: field 22 of /proc/PID/stat, in ticks since boot (proc(5)).
func startTime(pid int) (time.Time, error) {
	name := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(name)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading %q: %w", name, err)
	}
	uptime, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return time.Time{}, fmt.Errorf("reading %q: %w", "/proc/uptime", err)
	}
	now := time.Now()
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // the name, in parentheses, may hold blanks; the state, field 3, follows
	up, err := strconv.ParseFloat(string(append(bytes.Fields(uptime), []byte("?"))[0]), 64)
	if err != nil || len(fields) < 20 {
		return time.Time{}, fmt.Errorf("reading %q: unknown form", name)
	}
	start, err := strconv.ParseInt(string(fields[19]), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading %q: %w", name, err)
	}
	age := time.Duration(up*float64(time.Second)) - time.Duration(start)*time.Second/ticks
	return now.Add(-age), nil
}
