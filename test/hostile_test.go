package test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/test/rig"
)

// hostile is a node below a root, with something planted on it, and a tree outside that must stay as it is.
type hostile struct {
	*testing.T
	root, outside string
	spec          string
	program       string
}

const hostileSpec = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
node: {docker: {manage: always}}
registries:
  - {host: a.example, address: 10.0.0.4, ca: [/etc/regsync/ca.crt]}
  - {host: b.example}
insecure: ["10.0.0.4:5000"]
`

const hostsToml = "/etc/containerd/certs.d/a.example/hosts.toml"

func newHostile(t *testing.T, program string) *hostile {
	t.Helper()
	dir := t.TempDir()
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{T: t, root: filepath.Join(dir, "node"), outside: filepath.Join(dir, "outside"), spec: filepath.Join(dir, "lab.yaml"), program: program}
	for name, text := range map[string]string{
		"lab.yaml":                                         hostileSpec,
		"node/etc/hosts":                                   "127.0.0.1 localhost\n",
		"node/etc/docker/daemon.json":                      "{}\n",
		"node/etc/regsync/ca.crt":                          string(authority.PEM),
		"node/etc/containerd/config.toml":                  "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
		"node/etc/containerd/certs.d/b.example/hosts.toml": "server = \"https://b.example\"\n",
		"outside/hosts.toml":                               "server = \"https://outside.example\"\n",
		"outside/a.example/hosts.toml":                     "server = \"https://outside.example\"\n",
		"outside/hosts":                                    "127.0.0.1 outside\n",
	} {
		name = filepath.Join(dir, name)
		h.check(os.MkdirAll(filepath.Dir(name), 0o755))
		h.check(os.WriteFile(name, []byte(text), 0o644))
	}
	return h
}

func (h *hostile) check(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *hostile) on(name string) string { return filepath.Join(h.root, name) }

// link plants a symbolic link. A target that begins with OUTSIDE is the tree outside, by its path on this machine.
func (h *hostile) link(name, target string) {
	h.Helper()
	h.clear(name)
	h.check(os.Symlink(strings.Replace(target, "OUTSIDE", h.outside, 1), h.on(name)))
}

// clear makes room at name.
func (h *hostile) clear(name string) {
	h.Helper()
	h.check(os.RemoveAll(h.on(name)))
	h.check(os.MkdirAll(filepath.Dir(h.on(name)), 0o755))
}

// run runs regsync, which has to come to an end by itself.
func (h *hostile) run(args ...string) (code int, out string) {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, h.program, append(args, "--root", h.root)...).CombinedOutput()
	if ctx.Err() != nil {
		h.Fatalf("regsync %v hangs\n%s", args, said)
	}
	return exitCode(h.T, err), string(said)
}

func (h *hostile) see() (node, outside picture) {
	h.Helper()
	node, err := take([]string{h.root})
	h.check(err)
	outside, err = take([]string{h.outside})
	h.check(err)
	return node, outside
}

// plants are things that somebody has put on a node. Where regsync takes the node as it is, says is a warning or nothing; where it
// refuses, says is in its error.
var plants = []struct {
	name  string
	plant func(h *hostile)
	code  int
	says  string
}{
	{"nothing", func(*hostile) {}, 0, ""},
	{"a registry's directory leads out", func(h *hostile) { h.link("etc/containerd/certs.d/a.example", "OUTSIDE/a.example") }, 1, "leads out of the root"},
	{"a file leads out, step by step", func(h *hostile) { h.link(hostsToml, "../../../../../outside/hosts.toml") }, 1, "leads out of the root"},
	{"certs.d leads out", func(h *hostile) { h.link("etc/containerd/certs.d", "OUTSIDE") }, 1, "leads out of the root"},
	{"/etc/hosts leads out", func(h *hostile) { h.link("etc/hosts", "OUTSIDE/hosts") }, 1, "leads out of the root"},
	{"a link to a link that leads out", func(h *hostile) {
		h.link("etc/one", "OUTSIDE/a.example")
		h.link("etc/containerd/certs.d/a.example", "/etc/one")
	}, 1, "leads out of the root"},
	{"a link into /proc", func(h *hostile) { h.link(hostsToml, "/proc/self/environ") }, 1, "leads out of the root"},
	{"a link to itself", func(h *hostile) { h.link("etc/containerd/certs.d/a.example", "a.example") }, 1, "too many levels of symbolic links"},
	{"two links in a circle", func(h *hostile) {
		h.link(hostsToml, "other.toml")
		h.link("etc/containerd/certs.d/a.example/other.toml", "hosts.toml")
	}, 1, "too many levels of symbolic links"},
	{"a link to nothing", func(h *hostile) { h.link(hostsToml, "none.toml") }, 1, "is a symbolic link to"},
	{"a link within the node", func(h *hostile) {
		h.check(os.MkdirAll(h.on("etc/elsewhere"), 0o755))
		h.link("etc/containerd/certs.d/a.example", "/etc/elsewhere")
	}, 0, ""},
	{"a link of another user's", func(h *hostile) {
		h.check(os.MkdirAll(h.on("etc/elsewhere"), 0o755))
		h.link("etc/containerd/certs.d/a.example", "/etc/elsewhere")
		h.check(os.Lchown(h.on("etc/containerd/certs.d/a.example"), 1234, 1234))
	}, 1, "is a symbolic link of user 1234's, and is not followed"},
	{"a hard link to a file outside", func(h *hostile) {
		h.clear(hostsToml)
		h.check(os.Link(filepath.Join(h.outside, "hosts.toml"), h.on(hostsToml)))
	}, 0, ""},
	{"/etc/hosts a hard link to a file outside", func(h *hostile) {
		h.clear("etc/hosts")
		h.check(os.Link(filepath.Join(h.outside, "hosts"), h.on("etc/hosts")))
	}, 0, ""},
	{"a named pipe", func(h *hostile) { h.clear(hostsToml); h.check(unix.Mkfifo(h.on(hostsToml), 0o644)) }, 1, "is a named pipe"},
	{"a socket", func(h *hostile) {
		h.clear(hostsToml)
		h.Chdir(filepath.Dir(h.on(hostsToml))) // its path would be too long
		l, err := net.Listen("unix", "hosts.toml")
		h.check(err)
		h.Cleanup(func() { l.Close() })
	}, 1, "is a socket"},
	{"a device", func(h *hostile) {
		h.clear(hostsToml)
		h.check(unix.Mknod(h.on(hostsToml), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))))
	}, 1, "is a device"},
	{"a directory", func(h *hostile) { h.check(os.MkdirAll(h.on(hostsToml), 0o755)) }, 1, "is a directory"},
	{"a file where a directory should be", func(h *hostile) {
		h.check(os.WriteFile(h.on("etc/containerd/certs.d/a.example"), nil, 0o644))
	}, 1, "a directory above it is a file"},
	{"a named pipe as /etc/hosts", func(h *hostile) { h.clear("etc/hosts"); h.check(unix.Mkfifo(h.on("etc/hosts"), 0o644)) }, 1, "is a named pipe"},
	{"a named pipe as daemon.json", func(h *hostile) {
		h.clear("etc/docker/daemon.json")
		h.check(unix.Mkfifo(h.on("etc/docker/daemon.json"), 0o644))
	}, 1, "is a named pipe"},
	{"a named pipe as containerd's config", func(h *hostile) {
		h.clear("etc/containerd/config.toml")
		h.check(unix.Mkfifo(h.on("etc/containerd/config.toml"), 0o644))
	}, 1, "is a named pipe"},
	{"a named pipe as a certificate", func(h *hostile) {
		h.clear("etc/regsync/ca.crt")
		h.check(unix.Mkfifo(h.on("etc/regsync/ca.crt"), 0o644))
	}, 1, "is a named pipe"},
	{"a named pipe as certs.d", func(h *hostile) {
		h.clear("etc/containerd/certs.d")
		h.check(unix.Mkfifo(h.on("etc/containerd/certs.d"), 0o644))
	}, 1, "is a named pipe"},
	{"certs.d is another user's", func(h *hostile) { h.check(os.Chown(h.on("etc/containerd/certs.d"), 1234, 1234)) }, 0, "may be written by user 1234"},
	{"certs.d is open to all", func(h *hostile) { h.check(os.Chmod(h.on("etc/containerd/certs.d"), 0o777)) }, 0, "may be written by anybody"},
	{"the state directory on another file system", func(h *hostile) {
		h.check(os.MkdirAll(h.on("var/lib/regsync"), 0o700))
		h.check(unix.Mount("tmpfs", h.on("var/lib/regsync"), "tmpfs", 0, "mode=700"))
		h.Cleanup(func() { unix.Unmount(h.on("var/lib/regsync"), unix.MNT_DETACH) })
	}, 0, ""},
	{"the state directory a link", func(h *hostile) {
		h.check(os.MkdirAll(h.on("data"), 0o700))
		h.link("var/lib/regsync", "/data")
	}, 0, ""},
	{"the state directory a link that leads out", func(h *hostile) { h.link("var/lib/regsync", "OUTSIDE/state") }, 1, "leads out of the root"},
	{"the state directory a file", func(h *hostile) {
		h.clear("var/lib/regsync")
		h.check(os.WriteFile(h.on("var/lib/regsync"), nil, 0o600))
	}, 1, "not a directory"},
}

// TestHostile applies and resets on nodes on which somebody has planted something. It never hangs, never changes anything outside of the
// node, and either refuses, and says why, or gives the node back as it was.
func TestHostile(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			h := newHostile(t, program)
			p.plant(h)
			node, outside := h.see()
			code, out := h.run("apply", "-f", h.spec)
			if code != p.code || !strings.Contains(out, p.says) || p.says == "" && strings.Contains(out, "warning: \"/etc") {
				t.Errorf("exit code %d, want %d and %q\n%s", code, p.code, p.says, out)
			}
			if code == 0 {
				if code, out := h.run("plan", "-f", h.spec, "--detailed-exitcode"); code != 0 {
					t.Errorf("a plan afterwards: exit code %d\n%s", code, out)
				}
				if code, out := h.run("reset"); code != 0 {
					t.Errorf("reset: exit code %d\n%s", code, out)
				}
			}
			nodeNow, outsideNow := h.see()
			if difference := outsideNow.differs(outside); difference != "" {
				t.Errorf("outside:\n%s", difference)
			}
			if difference := nodeNow.differs(node); difference != "" {
				t.Errorf("on the node:\n%s", difference)
			}
		})
	}
}

// TestSwapped swaps a directory or a file for a link that leads out, before each of the calls that an apply makes: however late it comes,
// nothing outside is written, made, or removed.
func TestSwapped(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	for victim, target := range map[string]string{
		"etc/containerd/certs.d":           "OUTSIDE",
		"etc/containerd/certs.d/b.example": "OUTSIDE/a.example",
		hostsToml:                          "OUTSIDE/hosts.toml",
		"etc/hosts":                        "OUTSIDE/hosts",
		"etc":                              "OUTSIDE",
	} {
		t.Run(strings.ReplaceAll(strings.Trim(victim, "/"), "/", "_"), func(t *testing.T) {
			step := 1
			if !long {
				step = 9
			}
			codes := map[int]int{}
			for n := 1; ; n += step {
				h := newHostile(t, program)
				_, outside := h.see()
				count := 0
				cmd := exec.Command(program, "apply", "-f", h.spec, "--root", h.root)
				err := rig.Watched(cmd, func(rig.Call) rig.Verdict {
					if count++; count == n {
						h.check(os.RemoveAll(h.on(victim) + ".was"))
						if err := os.Rename(h.on(victim), h.on(victim)+".was"); err != nil && !os.IsNotExist(err) {
							t.Error(err)
						}
						if _, err := os.Lstat(filepath.Dir(h.on(victim))); err == nil {
							h.link(victim, target)
						}
					}
					return rig.Verdict{}
				})
				codes[exitCode(t, err)]++
				if count < n {
					if err != nil {
						t.Error(err)
					}
					break
				}
				_, outsideNow := h.see()
				if difference := outsideNow.differs(outside); difference != "" {
					t.Errorf("swapped before call %d:\n%s", n, difference)
				}
			}
			var said []string
			for _, code := range slices.Sorted(maps.Keys(codes)) {
				said = append(said, fmt.Sprintf("%d times exit code %d", codes[code], code))
			}
			t.Log(strings.Join(said, ", "))
		})
	}
}
