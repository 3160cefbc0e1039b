package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
)

// mortal is a node on which an apply dies when it has changed some files.
type mortal struct {
	*liveNode
	left int
}

var errDied = errors.New("died")

func (m *mortal) Write(name string, data []byte, mode fs.FileMode, owner *plan.Original) error {
	m.change()
	return m.liveNode.Write(name, data, mode, owner)
}

func (m *mortal) Replace(name string, s plan.Stray, data []byte, mode fs.FileMode, owner *plan.Original) error {
	m.change()
	return m.liveNode.Replace(name, s, data, mode, owner)
}

func (m *mortal) change() {
	if m.left == 0 {
		panic(errDied)
	}
	m.left--
}

// applyUntil applies until some files are changed, and gives how many there were to be.
func applyUntil(t *testing.T, root, file string, changed int) (files int) {
	t.Helper()
	var out bytes.Buffer
	c := &command{
		streams: streams{in: strings.NewReader(""), out: &out, err: &out}, env: func(string) string { return "" },
		root: root, files: []string{file}, output: "text", stateDir: defaultStateDir,
	}
	s, err := c.open(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if fault := recover(); fault != nil && fault != errDied { //nolint:errorlint // the very value
			panic(fault)
		}
		if err := errors.Join(s.lock.Release(), s.root.Close()); err != nil {
			t.Fatal(err)
		}
	}()
	trip, err := c.travel(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	files = len(trip.plan.Changes)
	trip.plan.Effects = nil
	n := &mortal{&liveNode{revision: newRevision(s.root), services: c.services(s.root, trip.services)}, changed}
	s.ledger.Services = trip.services
	record := &record{Ledger: s.ledger, generation: c.generation(trip, false), on: n.revision}
	if _, err := apply.Run(t.Context(), trip.plan, n, nil, record, nil, func(apply.Event) {}); err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCrashAtStray: an apply that puts files in the place of links, a pipe and a directory dies. What is undone is all of it, and what the links
// lead to is not touched.
func TestCrashAtStray(t *testing.T) {
	const registries = "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nregistries: [{host: a.example}, {host: c.example}, {host: d.example}, {host: e.example}]\n"
	files := 4
	for changed := 0; changed <= files; changed++ {
		t.Run(fmt.Sprintf("changed=%d", changed), func(t *testing.T) {
			root, before := crashTree(t)
			file := filepath.Join(t.TempDir(), "regsync.yaml")
			hosts := func(registry string) string {
				return filepath.Join(root, "etc/containerd/certs.d", registry+".example", "hosts.toml")
			}
			must := func(want int, args ...string) {
				t.Helper()
				if code, out, complaint := in(t.Context(), append(args, "--root", root)...); code != want {
					t.Fatalf("%q: exit code %d\n%s%s", args, code, out, complaint)
				}
			}
			if err := os.WriteFile(file, []byte(registries), 0o600); err != nil {
				t.Fatal(err)
			}
			must(exitDone, "apply", "-f", file)
			for _, registry := range []string{"a", "c", "d", "e"} {
				if err := os.Remove(hosts(registry)); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(os.Symlink("/etc/hosts", hosts("a")), os.Symlink("none", hosts("c")), syscall.Mkfifo(hosts("d"), 0o640), os.Mkdir(hosts("e"), 0o750)); err != nil {
				t.Fatal(err)
			}
			strayed, err := listing(filepath.Join(root, "etc"))
			if err != nil {
				t.Fatal(err)
			}
			if n := applyUntil(t, root, file, changed); n != 0 && n != files {
				t.Fatalf("%d files were to be changed, not %d", n, files)
			}
			if changed < files {
				must(exitPending, "status")
				must(exitDone, "recover")
				if now, err := listing(filepath.Join(root, "etc")); err != nil || now != strayed {
					t.Errorf("the node is\n%s\nit was\n%s", now, strayed)
				}
			}
			must(exitDone, "apply", "-f", file)
			must(exitDone, "plan", "-f", file, "--detailed-exitcode")
			must(exitDone, "reset")
			if after, err := listing(root); err != nil || after != before {
				t.Errorf("the node is\n%s\nit was\n%s", after, before)
			}
		})
	}
}
