package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/test/rig"
)

// deed applies while something is wrong, which is over when it returns.
type deed = func(b *battered, c crash) (code int, out string)

// plainly applies.
func plainly(b *battered, c crash) (int, string) {
	b.Helper()
	out, err := b.command("apply", "-f", c.spec, "--yes").CombinedOutput()
	return exitCode(b.T, err), string(out)
}

func (b *battered) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// smallState puts the state directory on a small file system of its own.
func smallState(limit string) deed {
	return func(b *battered, c crash) (int, string) {
		b.must(os.Mkdir(state, 0o700))
		b.must(unix.Mount("tmpfs", state, "tmpfs", 0, "mode=700,"+limit))
		code, out := plainly(b, c)
		if left, err := os.ReadDir(state); err != nil || len(left) > 0 {
			b.Errorf("left in the state directory: %v, %v", left, err)
		}
		b.must(unix.Unmount(state, 0))
		b.must(os.Remove(state))
		return code, out
	}
}

func readOnly(dir string) deed {
	return func(b *battered, c crash) (int, string) {
		b.must(unix.Mount(dir, dir, "", unix.MS_BIND, ""))
		b.must(unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
		defer func() { b.must(unix.Unmount(dir, 0)) }()
		return plainly(b, c)
	}
}

func immutable(name string) deed {
	return func(b *battered, c crash) (int, string) {
		const flag = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
		f, err := os.Open(name)
		b.must(err)
		defer f.Close()
		b.must(unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flag))
		defer func() { b.must(unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0)) }()
		return plainly(b, c)
	}
}

// mounted mounts a copy of a file on it, as container runtimes do with /etc/hosts, and looks that it comes back in place too.
func mounted(name string) deed {
	return func(b *battered, c crash) (int, string) {
		copied := filepath.Join(b.TempDir(), "copy")
		was, err := os.ReadFile(name)
		b.must(err)
		b.must(os.WriteFile(copied, was, 0o644))
		b.must(unix.Mount(copied, name, "", unix.MS_BIND, ""))
		code, out := plainly(b, c)
		now, err := os.ReadFile(copied)
		b.must(err)
		b.does([]int{0}, "reset", "--yes")
		back, err := os.ReadFile(copied)
		b.must(err)
		if bytes.Equal(now, was) || !bytes.Equal(back, was) {
			b.Errorf("%s was mounted, and held %q, then %q, then %q", name, was, now, back)
		}
		b.must(unix.Unmount(name, 0))
		b.does([]int{0}, "apply", "-f", c.spec, "--yes")
		return code, out
	}
}

// missing takes a directory away. What the apply then makes of it goes again with a reset.
func missing(dir string) deed {
	return func(b *battered, c crash) (int, string) {
		b.must(os.Rename(dir, dir+".away"))
		code, out := plainly(b, c)
		b.does([]int{0}, "plan", "-f", c.spec, "--detailed-exitcode")
		b.does([]int{0}, "reset", "--yes")
		if _, err := os.Lstat(dir); err == nil {
			b.Errorf("%s is still there", dir)
		}
		b.must(os.Rename(dir+".away", dir))
		b.does([]int{0}, "apply", "-f", c.spec, "--yes")
		return code, out
	}
}

// failing lets one call on a file fail, and where it lasts, everything on files from then on.
func failing(errno syscall.Errno, name, path string, lasts bool) deed {
	return func(b *battered, c crash) (int, string) {
		begun := false
		code, out := b.watched(func(call rig.Call) rig.Verdict {
			now := !begun && call.Name == name && strings.HasPrefix(call.Path, path)
			begun = begun || now
			if now || begun && lasts && strings.HasPrefix(call.Path, "/") {
				return rig.Verdict{Error: errno}
			}
			return rig.Verdict{}
		}, "apply", "-f", c.spec, "--yes")
		if !begun {
			b.Fatalf("%s of %s is never called", name, path)
		}
		return code, out
	}
}

// at does something when a call is about to be made.
func at(name, path string, do func(b *battered) rig.Verdict) deed {
	return func(b *battered, c crash) (int, string) {
		begun := false
		code, out := b.watched(func(call rig.Call) rig.Verdict {
			if begun || call.Name != name || call.Path != path {
				return rig.Verdict{}
			}
			begun = true
			return do(b)
		}, "apply", "-f", c.spec, "--yes")
		if !begun {
			b.Fatalf("%s of %s is never called", name, path)
		}
		return code, out
	}
}

func killed(*battered) rig.Verdict { return rig.Verdict{Kill: true} }

// killedUnrecorded kills when the images are there, and the ledger is about to say so: it is written a third time.
func killedUnrecorded(b *battered, c crash) (int, string) {
	written := 0
	code, out := b.watched(func(call rig.Call) rig.Verdict {
		if call.Name == "renameat" && call.Path == state+"/ledger" {
			written++
		}
		return rig.Verdict{Kill: written == 3}
	}, "apply", "-f", c.spec, "--yes")
	if written != 3 {
		b.Fatalf("the ledger is written %d times", written)
	}
	return code, out
}

func terminated(b *battered) rig.Verdict {
	b.must(b.running.Process.Signal(syscall.SIGTERM))
	return rig.Verdict{}
}

// snapNext has the next restart of containerd go wrong.
func snapNext(how string) deed {
	return func(b *battered, c crash) (int, string) {
		b.must(b.microk8s.Next(how, 1))
		return plainly(b, c)
	}
}

// withoutContainerd applies while containerd is down, and starts it again.
func withoutContainerd(b *battered, c crash) (int, string) {
	b.must(b.microk8s.Kill())
	code, out := plainly(b, c)
	b.startContainerd()
	return code, out
}

func (b *battered) startContainerd() {
	b.Helper()
	start := exec.Command(filepath.Join(b.dir, "bin", "snap"), "restart", "microk8s.daemon-containerd")
	start.Env = b.env
	b.must(start.Run())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b.must(b.microk8s.CRI.Await(ctx, true))
}

// dyingContainerd kills containerd when a call with a name is made on a socket, once it is time.
func dyingContainerd(isTime func(b *battered, call rig.Call) bool, name string, flags ...string) deed {
	return func(b *battered, c crash) (int, string) {
		ripe, dead := false, false
		code, out := b.watched(func(call rig.Call) rig.Verdict {
			ripe = ripe || isTime(b, call)
			if ripe && !dead && call.Name == name && call.Path == "socket" {
				dead = true
				b.must(b.microk8s.Kill())
			}
			return rig.Verdict{}
		}, append([]string{"apply", "-f", c.spec, "--yes"}, flags...)...)
		if !dead {
			b.Fatalf("no %s follows", name)
		}
		b.startContainerd()
		return code, out
	}
}

// cutOff lets what is sent to containerd fail once, when it is time.
func cutOff(isTime func(b *battered, call rig.Call) bool) deed {
	return func(b *battered, c crash) (int, string) {
		ripe, cut := false, false
		code, out := b.watched(func(call rig.Call) rig.Verdict {
			ripe = ripe || isTime(b, call)
			if !ripe || cut || call.Name != "write" || call.Path != "socket" {
				return rig.Verdict{}
			}
			cut = true
			return rig.Verdict{Error: syscall.EIO}
		}, "apply", "-f", c.spec, "--yes")
		if !cut {
			b.Fatal("nothing is sent")
		}
		return code, out
	}
}

// restarted reports whether containerd was restarted since the last time that it was asked.
func restarted(b *battered, _ rig.Call) bool {
	was := b.restarts
	var err error
	b.restarts, err = b.microk8s.Restarts()
	b.must(err)
	return b.restarts > was && was > 0
}

// committed reports whether the files are recorded; then come the images.
func committed(_ *battered, call rig.Call) bool {
	return call.Name == "renameat" && strings.HasPrefix(call.Path, state+"/generations/") && !strings.Contains(call.Path, "blobs")
}

// dyingAPIServer kills the API server as soon as it has the first of the secrets.
func dyingAPIServer(b *battered, c crash) (int, string) {
	was, dead := b.seeObjects()["secret team-a/harbor"], false
	code, out := b.watched(func(call rig.Call) rig.Verdict {
		if !dead && call.Path == "socket" && call.Name == "write" && b.seeObjects()["secret team-a/harbor"] != was {
			dead = true
			b.kube.Kill()
		}
		return rig.Verdict{}
	}, "apply", "-f", c.spec, "--yes")
	if !dead {
		b.Fatal("the secret is not written")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b.must(b.kube.StartAPIServer(ctx))
	return code, out
}

// dyingDockerd ends dockerd when it is about to be told.
func dyingDockerd(b *battered, c crash) (int, string) {
	written := false
	code, out := b.watched(func(call rig.Call) rig.Verdict {
		written = written || call.Path == "/etc/docker/daemon.json"
		if written && strings.Contains(call.Name, "signal") {
			written = false
			b.dockerd.Stop()
		}
		return rig.Verdict{}
	}, "apply", "-f", c.spec, "--yes")
	b.startDockerd()
	return code, out
}

// withoutDockerd applies while dockerd is down, and starts it again.
func withoutDockerd(b *battered, c crash) (int, string) {
	b.dockerd.Stop()
	code, out := plainly(b, c)
	b.startDockerd()
	return code, out
}

func (b *battered) startDockerd() {
	b.Helper()
	running, err := rig.StartDockerd(context.Background(), b.dir)
	b.must(err)
	b.dockerd = running
}

// locked applies while somebody else has the lock.
func locked(b *battered, c crash) (int, string) {
	b.must(os.Mkdir(state, 0o700))
	lock := flock.New(filepath.Join(state, "lock"))
	b.must(lock.Lock())
	code, out := plainly(b, c)
	b.must(lock.Unlock())
	b.must(os.RemoveAll(state))
	return code, out
}

// damaged applies when a file of the state directory is not as it was written. The outcome is judged here: afterwards the state directory
// is what it was before, so that everything can be given back.
func damaged(name string, how func([]byte) []byte) deed {
	return func(b *battered, c crash) (int, string) {
		file := filepath.Join(state, name)
		if found, _ := filepath.Glob(file); len(found) > 0 {
			file = found[0]
		}
		return b.withState(c, func() {
			data, err := os.ReadFile(file)
			b.must(err)
			b.must(os.WriteFile(file, how(data), 0o600))
		})
	}
}

// lost applies when the state directory is gone.
func lost(b *battered, c crash) (int, string) {
	return b.withState(c, func() { b.must(os.RemoveAll(state)) })
}

// lostBackups applies when the backups are gone.
func lostBackups(b *battered, c crash) (int, string) {
	return b.withState(c, func() { b.must(os.RemoveAll(filepath.Join(state, "backups"))) })
}

// ahead applies when the last apply seems to be in the future: the clock was set back since.
func ahead(b *battered, c crash) (int, string) {
	return b.withState(c, func() {
		for _, name := range []string{"ledger", "generations/1"} {
			name = filepath.Join(state, name)
			data, err := os.ReadFile(name)
			b.must(err)
			body, _, _ := bytes.Cut(data, []byte("\nsha256:"))
			var doc map[string]any
			b.must(json.Unmarshal(body, &doc))
			for _, key := range []string{"appliedAt", "at"} {
				if _, ok := doc[key]; ok {
					doc[key] = time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339)
				}
			}
			body, err = json.Marshal(doc)
			b.must(err)
			b.must(os.WriteFile(name, fmt.Appendf(body, "\nsha256:%x\n", sha256.Sum256(body)), 0o600))
		}
	})
}

// withState spoils the state directory, applies, and puts back what was spoiled once it is known how that went; with it daemon.json, of
// whose values nobody knew any more whose they are.
func (b *battered) withState(c crash, spoil func()) (int, string) {
	const daemon = "/etc/docker/daemon.json"
	kept, keptDaemon := filepath.Join(b.TempDir(), "state"), filepath.Join(b.TempDir(), "daemon.json")
	b.must(exec.Command("cp", "-a", state, kept).Run())
	b.must(exec.Command("cp", "-a", daemon, keptDaemon).Run())
	spoil()
	code, out := plainly(b, c)
	b.after = func() {
		b.must(os.RemoveAll(state))
		b.must(exec.Command("cp", "-a", kept, state).Run())
		b.must(exec.Command("cp", "-a", keptDaemon, daemon).Run())
		b.does([]int{0}, "apply", "-f", c.spec, "--yes")
	}
	return code, out
}

// edited applies a saved plan in which somebody has changed a word.
func edited(b *battered, c crash) (int, string) {
	b.does([]int{0}, "plan", "-f", c.spec, "--out", "saved")
	name := filepath.Join(b.dir, "saved")
	data, err := os.ReadFile(name)
	b.must(err)
	b.must(os.WriteFile(name, bytes.Replace(data, []byte("quay.lab"), []byte("evil.lab"), 1), 0o600))
	out, err := b.command("apply", "--yes", "saved").CombinedOutput()
	return exitCode(b.T, err), string(out)
}
