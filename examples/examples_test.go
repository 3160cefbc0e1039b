// Package examples_test holds every example to what it promises: it is valid, it can be applied to nodes of several kinds, a second
// plan is empty, containerd reads what was written, and reset gives the node back as it was.
package examples_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/regsync/regsync/internal/loader"
)

var regsync string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "regsync-examples-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		regsync = filepath.Join(dir, "regsync")
		if out, err := exec.Command("go", "build", "-o", regsync, "../cmd/regsync").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building regsync: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// certsDirs are the places of certs.d on the nodes of testdata.
var certsDirs = []string{"var/snap/microk8s/current/args/certs.d", "etc/containerd/certs.d"}

func TestExamples(t *testing.T) {
	examples := glob(t, "*.yaml")
	nodes := glob(t, "testdata/*.txtar")
	for _, example := range examples {
		t.Run(strings.TrimSuffix(example, ".yaml"), func(t *testing.T) {
			t.Parallel()
			if out := run(t, 0, "validate", "-f", example); out != "Valid.\n" {
				t.Errorf("validate: %s", out)
			}
			for _, node := range nodes {
				name := strings.TrimSuffix(filepath.Base(node), ".txtar")
				t.Run(name, func(t *testing.T) { roundTrip(t, example, node, applyCode(t, example, name)) })
			}
		})
	}
}

// applyCode is the exit code of apply: 3 where there is no runtime yet and the example does not say which it will be.
func applyCode(t *testing.T, example, node string) int {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	if node == "empty" && !bytes.Contains(text, []byte("\n  runtime: ")) {
		return 3
	}
	return 0
}

// roundTrip applies an example to a node, and gives the node back.
func roundTrip(t *testing.T, example, node string, code int) {
	root := t.TempDir()
	unpack(t, node, root)
	before := snapshot(t, root)

	run(t, code, "apply", "--yes", "-f", example, "--root", root)
	if out := run(t, 0, "plan", "--detailed-exitcode", "-f", example, "--root", root); !strings.Contains(out, "Nothing to do") {
		t.Errorf("the second plan is not empty:\n%s", out)
	}
	if code == 0 && cmp.Equal(before, snapshot(t, root)) {
		t.Error("apply changed nothing")
	}
	for _, dir := range certsDirs {
		readable(t, filepath.Join(root, dir))
	}
	run(t, 0, "reset", "--yes", "--root", root)
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Errorf("reset did not give the node back (-before +after):\n%s", diff)
	}
}

// TestOneAfterAnother applies all examples to one node, one after another. Each leaves the node as it leaves one on which it is
// the first, and in the end the node is given back.
func TestOneAfterAnother(t *testing.T) {
	for _, node := range glob(t, "testdata/*.txtar") {
		name := strings.TrimSuffix(filepath.Base(node), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			unpack(t, node, root)
			before := snapshot(t, root)
			for _, example := range glob(t, "*.yaml") {
				fresh := t.TempDir()
				unpack(t, node, fresh)
				for _, root := range []string{root, fresh} {
					run(t, applyCode(t, example, name), "apply", "--yes", "--allow-removals", "--allow-empty", "--allow-downgrade", "-f", example, "--root", root)
				}
				if name == "empty" {
					continue // what was made for a runtime that one of them names stays as long as none is found
				}
				if diff := cmp.Diff(visible(t, fresh), visible(t, root)); diff != "" {
					t.Errorf("%s after the others is not what it is alone (-alone +after):\n%s", example, diff)
				}
			}
			run(t, 0, "reset", "--yes", "--root", root)
			if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
				t.Errorf("reset did not give the node back (-before +after):\n%s", diff)
			}
		})
	}
}

// visible is a snapshot without what regsync remembers.
func visible(t *testing.T, root string) map[string]string {
	t.Helper()
	all := snapshot(t, root)
	for name := range all {
		if name == "var" || name == "var/lib" || strings.HasPrefix(name, "var/lib/regsync") {
			delete(all, name)
		}
	}
	return all
}

// readable lets both majors of containerd read every hosts.toml that is regsync's.
func readable(t *testing.T, certsDir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(certsDir, "*", "hosts.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, []byte("# Managed by regsync")) {
			continue
		}
		host := loader.Host(filepath.Base(filepath.Dir(file)))
		if host == "*" {
			host = "any.invalid"
		}
		for _, major := range []int{1, 2} {
			result, err := loader.Load(major, certsDir, host)
			if err != nil || !result.Sound() || len(result.Endpoints) == 0 {
				t.Errorf("containerd %d.x on %s: error %v, %+v\n%s", major, file, err, result, text)
			}
		}
	}
}

// run runs regsync, wants an exit code, and gives what stands on standard output.
func run(t *testing.T, want int, args ...string) string {
	t.Helper()
	cmd := exec.Command(regsync, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("regsync %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, want, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// unpack writes the files of an archive below root. A name may be followed by a mode, or by -> and what it links to.
func unpack(t *testing.T, archive, root string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		name, link, isLink := strings.Cut(f.Name, " -> ")
		name, mode, hasMode := strings.Cut(name, " ")
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if isLink {
			// What it points to comes later; a directory must be there for what is below it.
			if err := os.Symlink(link, name); err != nil {
				t.Fatal(err)
			}
			continue
		}
		perm := fs.FileMode(0o644)
		if hasMode {
			n, err := strconv.ParseUint(mode, 8, 32)
			if err != nil {
				t.Fatal(err)
			}
			perm = fs.FileMode(n)
		}
		if err := errors.Join(os.WriteFile(name, f.Data, 0o600), os.Chmod(name, perm)); err != nil {
			t.Fatal(err)
		}
	}
}

// snapshot gives everything below root: type, mode, and content or target.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			text += " -> " + target
		case info.Mode().IsRegular():
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += "\n" + string(data)
		}
		rel, err := filepath.Rel(root, name)
		all[rel] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no file is %s: %v", pattern, err)
	}
	return names
}
