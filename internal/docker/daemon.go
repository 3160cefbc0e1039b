package docker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNotRunning says that no dockerd is there to be asked or told.
var ErrNotRunning = errors.New("dockerd is not running")

// Daemon is a dockerd and where its things are. All paths are the node's own, without Root; an empty one is Docker's default.
type Daemon struct {
	Root       string // where the node's file system is mounted; empty: it is our own
	Socket     string // default /var/run/docker.sock; unix:// may stand before it
	PidFile    string // default: what ConfigFile says, else /var/run/docker.pid
	ConfigFile string // default /etc/docker/daemon.json
	Program    string // dockerd, for Validate; default: where packages put it
}

// Installed reports whether Docker is on a node. exists is asked about absolute paths of the node: dockerd where Debian, Ubuntu, Fedora, the
// static archive and the snap put it, its unit, its configuration and its socket.
func Installed(exists func(path string) bool) bool {
	for _, path := range slices.Concat(programs, []string{
		"/etc/systemd/system/docker.service", "/lib/systemd/system/docker.service", "/usr/lib/systemd/system/docker.service",
		"/etc/docker/daemon.json",
		"/var/run/docker.sock", "/run/docker.sock",
	}) {
		if exists(path) {
			return true
		}
	}
	return false
}

// programs are the places of dockerd.
var programs = []string{"/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/usr/local/sbin/dockerd", "/snap/bin/docker.dockerd", "/snap/docker/current/bin/dockerd"}

func (d Daemon) socket() string {
	return d.on(or(strings.TrimPrefix(d.Socket, "unix://"), "/var/run/docker.sock"))
}

func (d Daemon) configFile() string { return or(d.ConfigFile, "/etc/docker/daemon.json") }

// pidFile is the file that dockerd writes its process id to.
func (d Daemon) pidFile() string {
	if d.PidFile != "" {
		return d.on(d.PidFile)
	}
	var config struct {
		PidFile string `json:"pidfile"`
	}
	if data, err := os.ReadFile(d.on(d.configFile())); err == nil && json.Unmarshal(data, &config) == nil && config.PidFile != "" {
		return d.on(config.PidFile)
	}
	return d.on("/var/run/docker.pid")
}

// pid gives the process id of dockerd, as its pid file says and the process table of proc bears out.
func (d Daemon) pid(proc string) (int, error) {
	file := d.pidFile()
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("reading %q: %w", file, ErrNotRunning)
	}
	if err != nil {
		return 0, fmt.Errorf("reading %q: %w", file, err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(data)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("reading %q: %q is no process id: %w", file, bytes.TrimSpace(data), ErrNotRunning)
	}
	if !isDockerd(proc, pid) {
		return 0, fmt.Errorf("process %d of %q is no dockerd: %w", pid, file, ErrNotRunning)
	}
	return pid, nil
}

// isDockerd reports whether a process is a dockerd: by its program, which may have been replaced since, or by its name.
func isDockerd(proc string, pid int) bool {
	dir := filepath.Join(proc, strconv.Itoa(pid))
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == "dockerd" {
		return true
	}
	comm, err := os.ReadFile(filepath.Join(dir, "comm"))
	return err == nil && string(bytes.TrimSpace(comm)) == "dockerd"
}

// running reports whether there is a dockerd at all. Asking its socket would not do: systemd holds that open, and starts
// Docker for whoever knocks.
func (d Daemon) running() bool {
	proc := d.proc()
	if _, err := d.pid(proc); err == nil {
		return true
	}
	entries, err := os.ReadDir(proc)
	if err != nil {
		return true // not to be known; the socket will tell
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && isDockerd(proc, pid) {
			return true
		}
	}
	return d.Root != "" && proc == "/proc" // these may be the processes of a container, with dockerd outside
}

// proc is where the node's processes are listed: under Root if it is mounted there too.
func (d Daemon) proc() string {
	if proc := filepath.Join(d.Root, "/proc"); d.Root != "" {
		if _, err := os.Stat(filepath.Join(proc, "self")); err == nil {
			return proc
		}
	}
	return "/proc"
}

// on gives the place of a path of the node's. Symbolic links are followed inside Root: /var/run is one to /run.
func (d Daemon) on(path string) string {
	if d.Root == "" || d.Root == "/" {
		return path
	}
	done, rest := "/", strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		next := filepath.Join(done, rest[0]) // never above /
		rest = rest[1:]
		target, err := os.Readlink(filepath.Join(d.Root, next))
		if links++; err != nil || links > 255 {
			done = next
			continue
		}
		if filepath.IsAbs(target) {
			done = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return filepath.Join(d.Root, done)
}

// or is s, or other where s is empty.
func or(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
