package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// BuildDebian makes the Debian roots that the cache lacks: "node", a clean one with systemd's programs, and "judges", with lintian, rpm,
// cloud-init and Packer.
func BuildDebian(ctx context.Context) error {
	root, err := sourceRoot()
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, filepath.Join(root, "test", "components", "debian"), Cache())
	var said strings.Builder
	build.Stdout, build.Stderr = &said, &said
	if err := build.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, said.String())
	}
	return nil
}

// FindDebian returns where the cache has the Debian root of that name.
func FindDebian(name string) (string, error) {
	root := filepath.Join(Cache(), "debian-bookworm-"+name)
	if _, err := os.Stat(root); err != nil {
		return "", fmt.Errorf("%w; make components makes it", err)
	}
	return root, nil
}

// FindPacker returns where Packer is in the root "judges"; one that an older cache has lacks it.
func FindPacker() (string, error) {
	judges, err := FindDebian("judges")
	if err != nil {
		return "", err
	}
	program := filepath.Join(judges, "usr", "bin", "packer")
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("%w; make components makes it", err)
	}
	return program, nil
}

// MountDebian mounts a Debian root below dir and returns where. What is written to it goes with the namespace. Shared is seen in it,
// read-only, as /release, unless it is empty.
func MountDebian(name, dir, shared string) (string, error) {
	lower, err := FindDebian(name)
	if err != nil {
		return "", err
	}
	own := filepath.Join(dir, "debian-"+name)
	root, upper := filepath.Join(own, "root"), filepath.Join(own, "upper")
	if err := errors.Join(os.MkdirAll(root, 0o755), os.MkdirAll(upper, 0o755)); err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", upper, "tmpfs", 0, "mode=755"); err != nil {
		return "", fmt.Errorf("mounting a tmpfs on %q: %w", upper, err)
	}
	layer, work := filepath.Join(upper, "layer"), filepath.Join(upper, "work")
	if err := errors.Join(os.Mkdir(layer, 0o755), os.Mkdir(work, 0o755)); err != nil {
		return "", err
	}
	if err := unix.Mount("overlay", root, "overlay", 0, "lowerdir="+lower+",upperdir="+layer+",workdir="+work); err != nil {
		return "", fmt.Errorf("mounting an overlay on %q: %w", root, err)
	}
	binds := map[string]string{"/proc": "proc", "/dev": "dev"}
	if shared != "" {
		binds[shared] = "release"
	}
	for from, to := range binds {
		to = filepath.Join(root, to)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return "", err
		}
		if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return "", fmt.Errorf("mounting %q on %q: %w", from, to, err)
		}
	}
	return root, nil
}

// InDebian prepares a program that runs in a mounted Debian root, with nothing of the caller's environment.
func InDebian(ctx context.Context, root string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "chroot", append([]string{root, "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"}, argv...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	return cmd
}
