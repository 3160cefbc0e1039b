// Command demo shows regsync at work, as a session at a terminal: a node with a real containerd, a registry that only
// this node can reach, and then plan, apply, a pull as kubelet does it, an empty plan, and reset. It needs root, for all of
// it happens in namespaces of its own; nothing of the machine is changed, and nothing is left.
//
//	demo bin/regsync
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/regsync/regsync/test/rig"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PROGRAM")
		os.Exit(1)
	}
	run := outside
	if os.Getenv(rig.InsideVariable) != "" {
		run = inside
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// outside builds what is missing, then runs this program again in namespaces.
func outside(program string) error {
	if os.Geteuid() != 0 {
		return errors.New("the demo needs root: it makes a network and mounts of its own")
	}
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	if _, _, err := containerd(); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "regsync-demo-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return rig.Namespaced(ctx, scratch, program).Run()
}

// containerd is the newest release that can be had, and its program.
func containerd() (rig.Containerd, string, error) {
	var failed error
	for i := len(rig.Releases) - 1; i >= 0; i-- {
		program, err := rig.Releases[i].Path(context.Background())
		if err == nil {
			return rig.Releases[i], program, nil
		}
		failed = errors.Join(failed, err)
	}
	return rig.Containerd{}, "", failed
}

const file = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
node:
  runtime: containerd
  docker: {manage: never}
registries:
  - host: myprojectname.io
    server: http://192.168.1.140:5280
    address: 192.168.1.140
mirrors:
  - registry: docker.io
    endpoints: ["http://192.168.1.140:5280/v2/dockerhub"]
insecure:
  - 192.168.1.140:5280
`

func inside(program string) error {
	scratch := os.Getenv(rig.InsideVariable)
	if err := rig.EnterNamespaces(scratch); err != nil {
		return err
	}
	registry, err := rig.StartRegistry(rig.ExampleAddress+":5280", nil)
	if err != nil {
		return err
	}
	defer registry.Close()
	for _, image := range []string{"team/app:1", "dockerhub/library/app:1"} {
		if _, err := registry.Push(image); err != nil {
			return err
		}
	}
	release, _, err := containerd()
	if err != nil {
		return err
	}
	node, err := rig.StartContainerd(context.Background(), release, scratch)
	if err != nil {
		return err
	}
	defer node.Stop()
	version, err := node.CRI.Version(context.Background())
	if err != nil {
		return err
	}
	fmt.Printf("# A node with %s, and a registry on plain http at %s, which nobody has told it of.\n", version, registry.Address)

	if err := os.MkdirAll("/etc/regsync", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile("/etc/regsync/regsync.yaml", []byte(file), 0o644); err != nil {
		return err
	}
	images := []string{"myprojectname.io/team/app:1", "docker.io/library/app:1"}
	for _, scene := range []func() error{
		func() error { return pulls(node, images, false) },
		func() error { return show("cat", "/etc/regsync/regsync.yaml") },
		func() error { return show(program, "plan") },
		func() error { return show(program, "apply", "--yes") },
		func() error { registry.Forget(); return pulls(node, images, true) },
		func() error {
			fmt.Printf("\n# What the registry was asked:\n%s\n", strings.Join(registry.Requests(), "\n"))
			return nil
		},
		func() error { return show(program, "plan", "--detailed-exitcode") },
		func() error { return show(program, "reset", "--yes") },
		func() error { return pulls(node, images, false) },
	} {
		if err := scene(); err != nil {
			return err
		}
	}
	fmt.Println("\n# All as it was.")
	return nil
}

// show prints a command as it is typed, and runs it. One that does not succeed ends the demo.
func show(argv ...string) error {
	fmt.Printf("\n$ %s\n", strings.Join(append([]string{filepath.Base(argv[0])}, argv[1:]...), " "))
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %q: %w", argv, err)
	}
	return nil
}

// pulls pulls each image as kubelet does, and expects that it works, or does not.
func pulls(node *rig.RunningContainerd, images []string, works bool) error {
	for _, image := range images {
		fmt.Printf("\n$ crictl pull %s\n", image)
		id, err := node.CRI.Pull(context.Background(), image)
		if err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("pulled", id)
			if err := node.CRI.Remove(context.Background(), id); err != nil {
				return err
			}
		}
		if (err == nil) != works {
			return fmt.Errorf("pulling %s: worked %v, expected %v", image, err == nil, works)
		}
	}
	return nil
}
