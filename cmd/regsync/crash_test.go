package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsync/regsync/plan"
)

// The node, and two specs for it, that the crashes happen to.
var (
	crashNode = map[string]string{
		"etc/hosts":                                   "127.0.0.1 localhost\n",
		"etc/docker/daemon.json":                      "{\"debug\": true}\n",
		"usr/bin/dockerd":                             "",
		"etc/containerd/config.toml":                  "version = 2\n",
		"etc/containerd/certs.d/b.example/hosts.toml": "server = \"https://b.example\"\n",
	}
	crashFirst = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
registries:
  - {host: a.example, address: 10.0.0.4}
  - {host: b.example, address: 10.0.0.5}
  - {host: c.example, server: "http://10.0.0.6:5000"}
insecure: [10.0.0.6:5000]
`
	crashSecond = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
registries:
  - {host: a.example, address: 10.0.0.9}
  - {host: d.example, server: "http://10.0.0.7:5000"}
insecure: [10.0.0.7:5000]
`
)

// TestCrash ends an apply after every number of files that it writes, as a power cut does, and then goes on in each way: with
// the same file, with the file before, by taking it back, and with a reset. In the end the node is as it should be, and as it was.
func TestCrash(t *testing.T) {
	for _, first := range []string{"", crashFirst} { // on a new node, and on one that was applied to
		total := 1
		for written := 0; written <= total; written++ {
			for _, then := range []string{"apply", "back", "recover", "reset"} {
				t.Run(fmt.Sprintf("applied=%v/written=%d/%s", first != "", written, then), func(t *testing.T) {
					root, before := crashTree(t)
					file := func(text string) string {
						name := filepath.Join(t.TempDir(), "regsync.yaml")
						if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
							t.Fatal(err)
						}
						return name
					}
					must := func(want int, args ...string) {
						t.Helper()
						code, out, complaint := in(t.Context(), append(args, "--root", root)...)
						if code != want {
							t.Fatalf("%q: exit code %d\n%s%s", args, code, out, complaint)
						}
					}
					next := crashFirst
					if first != "" {
						must(exitDone, "apply", "-f", file(first))
						next = crashSecond
					}
					old, err := listing(filepath.Join(root, "etc"))
					if err != nil {
						t.Fatal(err)
					}
					total = crash(t, root, file(next), written)
					must(exitPending, "status")
					switch then {
					case "apply":
						must(exitDone, "apply", "-f", file(next))
						must(exitDone, "plan", "-f", file(next), "--detailed-exitcode")
					case "recover":
						must(exitDone, "recover")
						if now, err := listing(filepath.Join(root, "etc")); err != nil || now != old {
							t.Errorf("the node is\n%s\nit was\n%s", now, old)
						}
						if first != "" {
							must(exitDone, "plan", "-f", file(first), "--detailed-exitcode")
						}
						must(exitDone, "status")
						must(exitDone, "recover")
					case "back":
						must(exitDone, "apply", "-f", file(crashFirst), "--allow-removals")
						must(exitDone, "plan", "-f", file(crashFirst), "--detailed-exitcode")
					}
					must(exitDone, "reset")
					after, err := listing(root)
					if err != nil {
						t.Fatal(err)
					}
					if after != before {
						t.Errorf("the node is\n%s\nit was\n%s", after, before)
					}
				})
			}
		}
	}
}

func crashTree(t *testing.T) (root, before string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "node")
	for name, text := range crashNode {
		name = filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	before, err := listing(root)
	if err != nil {
		t.Fatal(err)
	}
	return root, before
}

// crash does what an apply does until it has written some files, and one more only half. It gives the number of all files.
func crash(t *testing.T, root, file string, written int) int {
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
	trip, err := c.travel(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var before []plan.Live
	for _, change := range trip.plan.Changes {
		live, err := s.root.Read(change.Name)
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, live)
	}
	if err := (&record{Ledger: s.ledger, generation: c.generation(trip, false), on: newRevision(s.root)}).Begin(trip.plan, before); err != nil {
		t.Fatal(err)
	}
	for i, change := range trip.plan.Changes {
		if i == written {
			half := filepath.Join(root, filepath.Dir(change.Name), "."+filepath.Base(change.Name)+".regsync-new")
			if change.After != nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(half), 0o755), os.WriteFile(half, change.After[:len(change.After)/2], 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if err := s.root.Write(change.Name, change.After, change.Mode, change.Owner); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.lock.Release(), s.root.Close()); err != nil {
		t.Fatal(err)
	}
	return len(trip.plan.Changes)
}
