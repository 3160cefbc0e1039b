package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemons gives the containerd binaries of this machine: Debian's, and those that were built into the cache.
func daemons(t *testing.T) []string {
	t.Helper()
	var found []string
	if _, err := os.Stat("/usr/bin/containerd"); err == nil {
		found = append(found, "/usr/bin/containerd")
	}
	if cache, err := os.UserCacheDir(); err == nil {
		built, _ := filepath.Glob(filepath.Join(cache, "regsync-components/containerd-*/containerd"))
		found = append(found, built...)
	}
	if len(found) == 0 || os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("a real containerd, and root to run it, are needed here")
		}
		t.Skip("no containerd, or not root")
	}
	return found
}

// start runs a containerd with loopback only, until the test ends or stop is called, and gives its socket and pid.
func start(t *testing.T, binary, dir, extra string) (socket string, pid int, stop func()) {
	t.Helper()
	socket = filepath.Join(dir, "c.sock")
	config := fmt.Sprintf(`version = 2
root = %[1]q
state = %[2]q
%[4]s
[grpc]
address = %[3]q
[ttrpc]
address = %[5]q
[plugins."io.containerd.internal.v1.opt"]
path = %[6]q
[plugins."io.containerd.nri.v1.nri"]
disable = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = %[6]q
conf_dir = %[6]q
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = %[7]q
`, filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket, before(extra), socket+".ttrpc", filepath.Join(dir, "opt"), filepath.Join(dir, "certs.d"))
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(config+after(extra)), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(binary, "-c", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s\n%s", binary, log.String())
		}
	}
	t.Cleanup(stop)
	return socket, cmd.Process.Pid, stop
}

// before and after part what goes on top of a config from its tables.
func before(extra string) string {
	if strings.HasPrefix(extra, "[") {
		return ""
	}
	return extra
}

func after(extra string) string { return strings.TrimPrefix(extra, before(extra)) }

func TestRealContainerd(t *testing.T) {
	for _, binary := range daemons(t) {
		t.Run(filepath.Base(filepath.Dir(binary)), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			dir := t.TempDir()

			socket, pid, stop := start(t, binary, dir, "")
			if err := WaitCRI(ctx, socket); err != nil {
				t.Fatal(err)
			}
			version, said, err := Version(ctx, socket)
			if err != nil || !version.Known() {
				t.Fatalf("version %q: %v", said, err)
			}
			if got, _, err := Started(socket); err != nil || got != pid {
				t.Errorf("pid %d, want %d: %v", got, pid, err)
			}
			path, mirrors, ok, err := LoadedConfigPath(ctx, socket)
			if err != nil || mirrors || ok != version.Before(2, 0) || ok && path != filepath.Join(dir, "certs.d") {
				t.Errorf("%s has loaded %q %v %v: %v", said, path, mirrors, ok, err)
			}
			stop()

			socket, _, stop = start(t, binary, dir, "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.h]\nendpoint = [\"http://m\"]\n")
			var failed *PluginError
			if err := WaitCRI(ctx, socket); !errors.As(err, &failed) || !strings.Contains(failed.Cause, "`mirrors` cannot be set when `config_path` is provided") {
				t.Errorf("both in the config: %v", err)
			}
			stop()

			socket, _, stop = start(t, binary, dir, "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]")
			if err := WaitCRI(ctx, socket); !errors.Is(err, ErrNoCRI) {
				t.Errorf("disabled: %v", err)
			}
			stop()
			if err := CRI(ctx, socket); err == nil {
				t.Error("a stopped containerd answers")
			}
		})
	}
}
