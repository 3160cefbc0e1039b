package node

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const insideVariable = "REGSYNC_NODE_TEST_INSIDE"

// ownMounts reports whether the calling test runs in a mount namespace of its own. Where it does not, it runs the test once
// more in a new one, takes over the outcome, and reports false: the caller has nothing left to do.
func ownMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if os.Geteuid() != 0 {
		lacking(t, "a mount namespace needs root")
		return false
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		lacking(t, "a mount namespace: "+err.Error())
	case err != nil:
		t.Errorf("in its own mount namespace: %v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP: "+t.Name()):
		lacking(t, string(out))
	case !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Errorf("it did not run:\n%s", out)
	}
	return false
}

// mount mounts something for the time of a test.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
}

// lacking skips the test, or fails it where everything must be there.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// TestWriteFull: on a full disk the old content stays, and no temporary file.
func TestWriteFull(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k")
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := openRoot(t, dir)
	err := r.Write("/file", bytes.Repeat([]byte("x"), 1<<20), 0, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want no space", err)
	}
	check(t, filepath.Join(dir, "file"), "old", 0o644)
	if err := r.Write("/new", bytes.Repeat([]byte("x"), 1<<20), 0o644, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want no space", err)
	}
	alone(t, dir, "file")
}

// TestWriteNoInodes: a disk can be full of files too.
func TestWriteNoInodes(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", 0, "nr_inodes=2")
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := openRoot(t, dir).Write("/file", []byte("new"), 0, nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want no space", err)
	}
	check(t, filepath.Join(dir, "file"), "old", 0o644)
	alone(t, dir, "file")
}

// TestWriteMounted: container runtimes mount single files, /etc/hosts above all. They can only be written in place.
func TestWriteMounted(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := tree(t, map[string]string{"source": "a rather long text", "node/hosts": ""})
	target := filepath.Join(dir, "node", "hosts")
	mount(t, filepath.Join(dir, "source"), target, "", unix.MS_BIND, "")
	r := openRoot(t, filepath.Join(dir, "node"))
	for _, text := range []string{"short", "a text that is longer than what stood there", ""} {
		if err := r.Write("/hosts", []byte(text), 0, nil); err != nil {
			t.Fatal(err)
		}
		check(t, target, text, 0o644)
		check(t, filepath.Join(dir, "source"), text, 0o644)
	}
	if err := r.Write("/hosts", []byte("closed"), 0o600, nil); err != nil {
		t.Fatal(err)
	}
	check(t, target, "closed", 0o600)
	alone(t, filepath.Join(dir, "node"), "hosts")
}

// TestWriteReadOnly: a node that cannot be written stays as it is.
func TestWriteReadOnly(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	dir := t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=64k")
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := openRoot(t, dir).Write("/file", []byte("new"), 0, nil); !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), `writing "/file"`) {
		t.Errorf("error %v, want a read-only file system", err)
	}
	check(t, filepath.Join(dir, "file"), "old", 0o644)
}

// TestWriteImmutable: chattr +i is a word of somebody's that is not argued with.
func TestWriteImmutable(t *testing.T) {
	if os.Geteuid() != 0 {
		lacking(t, "chattr +i needs root")
	}
	dir := tree(t, map[string]string{"file": "old"})
	f, err := os.Open(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const immutable = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, immutable); err != nil {
		t.Skipf("this file system knows no immutable files: %v", err)
	}
	defer func() {
		if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0); err != nil {
			t.Error(err)
		}
	}()
	r := openRoot(t, dir)
	for _, data := range [][]byte{[]byte("new"), nil} {
		if err := r.Write("/file", data, 0, nil); !errors.Is(err, syscall.EPERM) {
			t.Errorf("error %v, want that it is not permitted", err)
		}
	}
	check(t, filepath.Join(dir, "file"), "old", 0o644)
	alone(t, dir, "file")
}
