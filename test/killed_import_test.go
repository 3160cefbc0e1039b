package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

const (
	killPoints  = 10
	killedImage = "harbor.lab/big:1"
	gatePath    = "/run/gate.sock"
)

// Killed at ten points of an import, regsync or containerd: the image is there whole or not at all, and the next apply ends what was begun.
func TestKilledImport(t *testing.T) {
	for _, release := range []string{"1.6", "2.2"} {
		for _, victim := range []string{"regsync", "containerd"} {
			t.Run(victim+"@"+release, func(t *testing.T) {
				t.Parallel()
				require(t, release)
				program := regsync(t)
				if _, err := exec.LookPath("ctr"); err != nil {
					rig.Missing(t, "ctr", err.Error())
				}
				if rig.Isolated(t) {
					killImports(t, release, victim, program)
				}
			})
		}
	}
}

// killing is a node whose imports are killed.
type killing struct {
	*testing.T
	*rig.RunningContainerd
	release rig.Containerd
	dir     string
	regsync string
	gate    *rig.Gate
}

func killImports(t *testing.T, name, victim, program string) {
	release, err := rig.Release(name)
	if err != nil {
		t.Fatal(err)
	}
	k := &killing{T: t, release: release, dir: t.TempDir(), regsync: program}
	k.start()
	defer func() { k.Stop() }()
	if k.gate, err = rig.StartGate(gatePath, rig.ContainerdSocket); err != nil {
		t.Fatal(err)
	}
	defer k.gate.Close()
	layers := []rig.Layer{{Seed: 1, Size: 3 << 20}, {Seed: 2, Size: 100_000}, {Seed: 3, Size: 3 << 20}}
	if err := rig.BigArchive(filepath.Join(k.dir, "app.tar"), killedImage, false, layers...); err != nil {
		t.Fatal(err)
	}
	const text = "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nnode:\n  runtime: containerd\n  docker: {manage: never}\n" +
		"  containerd: {socket: " + gatePath + "}\npreload:\n  - archive: app.tar\n"
	if err := os.WriteFile(filepath.Join(k.dir, "lab.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}

	k.gate.At(0, nil)
	k.must("apply", "-f", "lab.yaml", "--yes")
	whole := k.gate.Sent()
	k.forget()
	for point := range int64(killPoints) {
		at := whole * (point + 1) / (killPoints + 1)
		cmd := k.command("apply", "-f", "lab.yaml", "--yes")
		killed := false
		k.gate.At(at, func() {
			killed = true
			pid := k.Pid()
			if victim == "regsync" {
				pid = cmd.Process.Pid
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		})
		if out, err := cmd.CombinedOutput(); !killed || err == nil {
			t.Fatalf("not killed at byte %d of %d: %v\n%s", at, whole, err, out)
		}
		if victim == "containerd" {
			k.Stop()
			k.start()
		}
		k.gate.At(0, nil)
		seen, err := k.CRI.Status(t.Context(), killedImage)
		if err != nil {
			t.Fatal(err)
		}
		if out := k.must("plan", "-f", "lab.yaml"); seen != nil && (strings.Contains(out, "missing") || strings.Contains(out, "unpacked")) {
			t.Errorf("killed at byte %d of %d, and there is a part of it:\n%s", at, whole, out)
		}
		k.must("apply", "-f", "lab.yaml", "--yes")
		k.must("plan", "-f", "lab.yaml", "--detailed-exitcode")
		if seen, err := k.CRI.Status(t.Context(), killedImage); err != nil || seen == nil {
			t.Errorf("killed at byte %d of %d, the next apply has not brought it: %v", at, whole, err)
		}
		k.forget()
	}
}

func (k *killing) start() {
	k.Helper()
	running, err := rig.StartContainerd(context.Background(), k.release, k.dir)
	if err != nil {
		k.Fatal(err)
	}
	k.RunningContainerd = running
}

func (k *killing) command(args ...string) *exec.Cmd {
	cmd := exec.Command(k.regsync, args...)
	cmd.Dir = k.dir
	return cmd
}

func (k *killing) must(args ...string) string {
	k.Helper()
	out, err := k.command(args...).CombinedOutput()
	if err != nil {
		k.Fatalf("regsync %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// forget gives the image back, and then ends the leases of imports that were cut off, which would keep its content for a day.
func (k *killing) forget() {
	k.Helper()
	k.must("reset", "--yes")
	list, err := ctr(rig.ContainerdSocket, "leases", "ls", "-q")
	for _, lease := range strings.Fields(string(list)) {
		if err == nil {
			_, err = ctr(rig.ContainerdSocket, "leases", "rm", "--sync", lease)
		}
	}
	if err == nil {
		list, err = ctr(rig.ContainerdSocket, "content", "ls", "-q")
	}
	if err == nil && len(strings.TrimSpace(string(list))) > 0 {
		err = fmt.Errorf("left in the store:\n%s", list)
	}
	if err != nil {
		k.Fatal(err)
	}
}
