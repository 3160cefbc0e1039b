package rig

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
)

// PauseImage is what holds a pod's namespaces, by the name under which the rig's containerds look for it.
const PauseImage = "registry.k8s.io/pause:3.10"

// MakeImage makes a container image of a regsync program, as make image does, and gives the archive, which lies in dir.
func MakeImage(ctx context.Context, program, name, dir string) (archive string, err error) {
	root, err := sourceRoot()
	if err != nil {
		return "", err
	}
	archive = filepath.Join(dir, filepath.Base(program)+".tar")
	run := exec.CommandContext(ctx, "go", "run", "./deploy/image", program, runtime.GOARCH, name, archive)
	run.Dir = root
	if out, err := run.CombinedOutput(); err != nil {
		return "", fmt.Errorf("making the image: %w: %s", err, out)
	}
	return archive, nil
}

// MakePause makes [PauseImage], in the same way.
func MakePause(ctx context.Context, dir string) (archive string, err error) {
	root, err := sourceRoot()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "pause")
	if err := goBuild(ctx, root, program, "-s -w", "./test/pause"); err != nil {
		return "", err
	}
	return MakeImage(ctx, program, PauseImage, dir)
}
