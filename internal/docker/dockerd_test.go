package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/render"
)

// inNamespace marks the process that [isolated] starts.
const inNamespace = "REGSYNC_TEST_IN_NAMESPACE"

// isolated reports whether the test runs where nothing but loopback can be reached. If not, it runs the test there, in a process of its own,
// and takes over its result. Without root or dockerd the test is skipped, but not in CI.
func isolated(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		shield(t)
		loopbackUp(t)
		return true
	}
	missing := ""
	if _, err := exec.LookPath("dockerd"); err != nil {
		missing = "dockerd is not installed (apt-get install docker.io)"
	} else if os.Getuid() != 0 {
		missing = "this test needs root"
	}
	if missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip("SKIPPED, nothing was tested against a real dockerd: " + missing)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in a namespace: %v\n%s", err, out)
	} else {
		t.Logf("in a namespace:\n%s", out)
	}
	return false
}

// shield keeps what dockerd writes beside its own directories off the machine: /etc/docker/key.json and /run/docker.
func shield(t *testing.T) {
	t.Helper()
	mount := func(source, target, fstype string, flags uintptr, data string) {
		if err := unix.Mount(source, target, fstype, flags, data); err != nil {
			t.Fatalf("mounting %q: %v", target, err)
		}
	}
	mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	mount("tmpfs", "/run", "tmpfs", 0, "")
	for _, dir := range []string{"/run/upper", "/run/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work")
}

func loopbackUp(t *testing.T) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}

// dockerd is a real daemon with everything in a directory of its own.
type dockerd struct {
	Daemon
	cmd *exec.Cmd
	log *logbook
}

// start runs a dockerd on config until the test ends, and waits until it answers.
func start(t *testing.T, ctx context.Context, config string, args ...string) *dockerd {
	t.Helper()
	dir, err := os.MkdirTemp("", "dockerd-") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := func(name string) string { return filepath.Join(dir, name) }
	d := &dockerd{Daemon: Daemon{Socket: in("sock"), PidFile: in("pid"), ConfigFile: in("daemon.json")}, log: newLogbook()}
	d.write(t, []byte(config))
	d.cmd = exec.Command("dockerd", append([]string{
		"--config-file", d.ConfigFile, "--data-root", in("data"), "--exec-root", in("exec"), "--pidfile", d.PidFile, "-H", "unix://" + d.Socket,
		"--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
	}, args...)...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("dockerd said:\n%s", d.log)
		}
	})
	if _, err := d.AwaitInfo(ctx, func(Info) bool { return true }); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *dockerd) write(t *testing.T, config []byte) {
	t.Helper()
	if err := os.WriteFile(d.ConfigFile, config, 0o644); err != nil {
		t.Fatal(err)
	}
}

// reload writes config and has the daemon read it.
func (d *dockerd) reload(t *testing.T, ctx context.Context, config []byte) {
	t.Helper()
	d.write(t, config)
	if err := d.Reload(ctx); err != nil {
		t.Fatal(err)
	}
}

// stop ends the daemon, if it still runs.
func (d *dockerd) stop() {
	if d.cmd.ProcessState == nil {
		d.cmd.Process.Signal(syscall.SIGTERM)
		d.cmd.Wait()
	}
}

// logbook is what the daemon has said.
type logbook struct {
	mu   sync.Mutex
	more *sync.Cond
	text bytes.Buffer
}

func newLogbook() *logbook {
	l := &logbook{}
	l.more = sync.NewCond(&l.mu)
	return l
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.more.Broadcast()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits until the daemon has said text.
func (l *logbook) await(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	defer context.AfterFunc(ctx, l.more.Broadcast)()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !strings.Contains(l.text.String(), text) {
		if ctx.Err() != nil {
			t.Fatalf("dockerd never said %q", text)
		}
		l.more.Wait()
	}
}

func taken(config []byte) func(Info) bool {
	return func(i Info) bool { return len(i.Missing(config)) == 0 }
}

func TestDockerdReload(t *testing.T) {
	if !isolated(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	first := []byte(`{"insecure-registries": ["a.lab:5000", "10.20.3.4/16"], "registry-mirrors": ["http://m.lab:5000"]}`)
	d := start(t, ctx, string(first))

	info, err := d.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"10.20.0.0/16", "a.lab:5000"}; !slices.Equal(info.InsecureRegistries, want) {
		t.Errorf("insecure registries %q, want %q", info.InsecureRegistries, want)
	}
	if want := []string{"http://m.lab:5000/"}; !slices.Equal(info.Mirrors, want) {
		t.Errorf("mirrors %q, want %q", info.Mirrors, want)
	}
	if info.ServerVersion == "" {
		t.Error("no version")
	}
	if diffs := info.Missing(first); diffs != nil {
		t.Errorf("the daemon has just read the file, but %q", diffs)
	}

	if err := d.Validate(ctx, first); err != nil {
		t.Errorf("the daemon has read what it is said to refuse: %v", err)
	}
	second := []byte(`{"insecure-registries": ["b.lab:5000"], "registry-mirrors": ["http://m.lab:5000", "https://n.lab"]}`)
	if diffs := info.Missing(second); len(diffs) != 4 {
		t.Errorf("differences %q, want 4", diffs)
	}
	d.reload(t, ctx, second)
	if _, err := d.AwaitInfo(ctx, taken(second)); err != nil {
		t.Fatal(err)
	}
	if pid, err := d.pid("/proc"); err != nil || pid != d.cmd.Process.Pid {
		t.Errorf("process %d, %v; want %d still", pid, err, d.cmd.Process.Pid)
	}

	// A key that goes from the file keeps its value; the interim file clears it.
	third := []byte(`{"insecure-registries": ["c.lab:5000"]}`)
	d.reload(t, ctx, third)
	info, err = d.AwaitInfo(ctx, taken(third))
	if err != nil || len(info.Mirrors) != 2 {
		t.Errorf("mirrors %q, %v; want 2 that are still there", info.Mirrors, err)
	}
	interim := render.DaemonInterim(second, third)
	d.reload(t, ctx, interim)
	if info, err = d.AwaitInfo(ctx, taken(interim)); err != nil || len(info.Mirrors) != 0 {
		t.Errorf("mirrors %q, %v; want none", info.Mirrors, err)
	}
	interim = render.DaemonInterim(third, nil)
	d.reload(t, ctx, interim)
	if info, err = d.AwaitInfo(ctx, taken(interim)); err != nil || len(info.InsecureRegistries) != 0 {
		t.Errorf("insecure registries %q, %v; want none", info.InsecureRegistries, err)
	}

	d.stop()
	if _, err := d.Info(ctx); !errors.Is(err, ErrNotRunning) {
		t.Errorf("asking a daemon that has ended: %v", err)
	}
	if err := d.Reload(ctx); !errors.Is(err, ErrNotRunning) {
		t.Errorf("reloading a daemon that has ended: %v", err)
	}
}

// What the rules of the house refuse, the daemon refuses too; and what it refuses is seen.
func TestDockerdRefuses(t *testing.T) {
	if !isolated(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	good := `{"insecure-registries": ["a.lab:5000"], "registry-mirrors": ["http://m.lab:5000"]}`
	d := start(t, ctx, good)
	for i, tt := range []struct{ config, said string }{
		{``, `EOF`},
		{"\ufeff{}", `looking for beginning of value`},
		{`{"insecure-registries": ["x.lab:1"],}`, `looking for beginning of object key string`},
		{`["x.lab:1"]`, `cannot unmarshal array`},
		{`{"insecure-registries": "x.lab:2"}`, `cannot unmarshal string`},
		{`{"Insecure-Registries": ["x.lab:1"]}`, `don't match any configuration option: Insecure-Registries`},
		{`{"insecure-registries": ["oci://x.lab:1"]}`, `insecure registry oci://x.lab:1 should not contain`},
		{`{"insecure-registries": ["x.lab:1/path"]}`, `insecure registry x.lab:1/path is not valid`},
		{`{"insecure-registries": ["x.lab:70000"]}`, `insecure registry x.lab:70000 is not valid`},
		{`{"insecure-registries": [""]}`, `insecure registry  is not valid`},
		{`{"registry-mirrors": ["x.lab:5000"]}`, `invalid mirror: unsupported scheme`},
		{`{"registry-mirrors": ["http://x.lab:5000/hub"]}`, `http://x.lab:5000/hub`},
		{`{"registry-mirrors": ["http://x.lab:5000?a=b"]}`, `http://x.lab:5000?a=b`},
		{`{"registry-mirrors": ["http://u:p@x.lab:5000"]}`, `username/password not allowed`},
	} {
		if err := render.CheckDaemonJSON([]byte(tt.config)); err == nil {
			t.Errorf("our rules take %q", tt.config)
		}
		d.reload(t, ctx, []byte(tt.config))
		d.log.await(t, ctx, tt.said)
		next := fmt.Appendf(nil, `{"insecure-registries": ["a.lab:%d"], "registry-mirrors": ["http://m.lab:%d"]}`, i+1, i+1)
		d.reload(t, ctx, next)
		if info, err := d.AwaitInfo(ctx, taken(next)); err != nil {
			t.Fatalf("after %q: %v, %+v", tt.config, err, info)
		}
	}

	// And what they take, it takes.
	fine := []byte(`{
  "insecure-registries": ["A.lab", "a.lab:5000", "10.0.0.7/8", "fd00::/8", "[fd00::1]:5000", "fd00::1", "http://b.lab:1", "HTTPS://c.lab", "localhost:32000",
    "127.0.0.0/8", "docker.io", "index.docker.io"],
  "registry-mirrors": ["http://M.lab:5000", "https://m.lab:5000/", "https://m.lab:5000"]
}`)
	if err := render.CheckDaemonJSON(fine); err != nil {
		t.Errorf("our rules refuse what dockerd takes: %v", err)
	}
	d.reload(t, ctx, fine)
	if info, err := d.AwaitInfo(ctx, taken(fine)); err != nil {
		t.Fatalf("%v: %+v lacks %q", err, info, info.Missing(fine))
	}

	// 20.10 takes the one key and refuses the other.
	half := []byte(`{"insecure-registries": ["h.lab:5000"], "registry-mirrors": ["http://x.lab:5000/half"]}`)
	d.reload(t, ctx, half)
	d.log.await(t, ctx, "http://x.lab:5000/half")
	info, err := d.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diffs := info.Missing(half); !slices.Contains(diffs, `registry-mirrors: dockerd does not have "http://x.lab:5000/half/"`) {
		t.Errorf("differences %q lack the mirror that was refused", diffs)
	}
}

func TestDockerdFlagClash(t *testing.T) {
	if !isolated(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	d := start(t, ctx, `{}`, "--registry-mirror=http://flag.lab:5000", "--insecure-registry", "flag.lab:5000")
	for key, want := range flags {
		where, flag, err := d.FlagClash([]string{key})
		if err != nil || flag != want || where != fmt.Sprintf("the running dockerd (process %d)", d.cmd.Process.Pid) {
			t.Errorf("%s clashes with %q of %q, %v; want %q", key, flag, where, err, want)
		}
	}
	// Such a file is refused indeed.
	clash := []byte(`{"registry-mirrors": ["http://file.lab:5000"]}`)
	d.reload(t, ctx, clash)
	d.log.await(t, ctx, "specified both as a flag and in the configuration file")
	info, err := d.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`registry-mirrors: dockerd does not have "http://file.lab:5000/"`, `registry-mirrors: dockerd still has "http://flag.lab:5000/"`}
	if diffs := info.Missing(clash); !slices.Equal(diffs, want) {
		t.Errorf("differences %q, want %q", diffs, want)
	}
}
