package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const insideVariable = "REGSYNC_COMMAND_TEST_INSIDE"

// TestFullDisk applies and resets on file systems that have room for ever more files. Each run is done in full, or leaves the node
// as it was.
func TestFullDisk(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		ownMounts(t)
		return
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	_, spec := nodeTree(t)
	for name, limit := range map[string]string{"files": "nr_inodes=%d", "bytes": "size=%d000"} {
		refused := 0
		for n := 6; ; n++ {
			code := applyOnFull(t, spec, fmt.Sprintf(limit, n))
			if code == exitDone {
				break
			}
			if refused++; code != exitError || refused > 100 {
				t.Fatalf("full of %s at %d: exit code %d", name, n, code)
			}
		}
		if refused < 5 {
			t.Errorf("full of %s: %d times only", name, refused)
		}
	}
}

// applyOnFull makes a node on a small file system and applies a spec there.
func applyOnFull(t *testing.T, spec, limit string) int {
	root := t.TempDir()
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, limit); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(root, unix.MNT_DETACH) }()
	err := errors.Join(
		os.MkdirAll(filepath.Join(root, "etc/containerd"), 0o755),
		os.WriteFile(filepath.Join(root, "etc/containerd/config.toml"), []byte("version = 2\n"), 0o644),
		os.WriteFile(filepath.Join(root, "etc/hosts"), []byte("127.0.0.1 localhost\n"), 0o644),
	)
	if err != nil {
		return exitError // the node itself has no room
	}
	before, err := listing(root)
	if err != nil {
		t.Fatal(err)
	}
	code, _, complaint := in(t.Context(), "apply", "--root", root, "-f", spec)
	if code == exitDone {
		if code, _, complaint := in(t.Context(), "reset", "--root", root); code != exitDone {
			t.Errorf("%s: applied, but the reset ends with %d\n%s", limit, code, complaint)
			return code
		}
	} else if !strings.Contains(complaint, "no space left on device") {
		t.Errorf("%s: exit code %d\n%s", limit, code, complaint)
	}
	after, err := listing(root)
	if err != nil {
		t.Fatal(err)
	}
	if after != before {
		t.Errorf("%s: exit code %d\n%s\nit was\n%s\nand is\n%s", limit, code, complaint, before, after)
	}
	return code
}

// ownMounts runs the test once more in a mount namespace of its own, and takes over the outcome.
func ownMounts(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true":
		t.Skipf("a mount namespace needs root: %v", err)
	case err != nil:
		t.Errorf("in its own mount namespace: %v\n%s", err, out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Errorf("it did not run:\n%s", out)
	}
}
