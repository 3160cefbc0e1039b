package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// TestWatched: status shows what the service that looks after a node says of it. Who may not look at the node sees that.
func TestWatched(t *testing.T) {
	tree, spec := nodeTree(t)
	if code, _, out := in(t.Context(), "apply", "--root", tree, "-f", spec); code != exitPart {
		t.Fatalf("apply: exit code %d\n%s", code, out)
	}
	root, err := node.Open(tree)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	b, err := lightBeacon(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	until := time.Date(2026, 3, 7, 2, 0, 0, 0, time.UTC)
	hosts := render.ID{Kind: render.KindFile, Name: "/etc/hosts"}
	round := beacon.Round{
		Began: until, Causes: []string{"/etc/hosts"}, Generation: 1, Done: []plan.Change{{ID: hosts, Action: plan.Update}},
		Spec:    errors.New("regsync.yaml:3:1: password: hunter2 is \x1b[2Jwrong"),
		Pending: []beacon.Pending{{ID: render.ID{Kind: "effect", Name: "restart containerd"}, Action: "run", Wait: beacon.Window, Until: &until, Reason: "its config"}},
	}
	if err := b.Round(round); err != nil {
		t.Fatal(err)
	}
	b.Stream("containerd", false, "connection refused")

	words := []string{
		"\nWatch: not converged since ", ", generation 1\n", "regsync.yaml:3:1: password: ", "^[[2Jwrong\n",
		"Watch: run effect restart containerd waits until " + until.Local().Format(time.RFC3339) + " (window): its config\n",
		"Watch: no word from containerd since ", ": connection refused\n", ", because of /etc/hosts: update file /etc/hosts\n",
	}
	code, out, complaint := in(t.Context(), "status", "--root", tree)
	for _, w := range append(words, "Generation 1, applied ", "\nConverged.\n") {
		if code != exitDone || !strings.Contains(out, w) {
			t.Errorf("exit code %d, without %q:\n%s%s", code, w, out, complaint)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Errorf("it tells a password:\n%s", out)
	}
	_, out, _ = in(t.Context(), "status", "--root", tree, "-o", "json")
	var doc struct{ Watch *beacon.Status }
	if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Watch == nil || !doc.Watch.Running || doc.Watch.Converged {
		t.Errorf("%v\n%s", err, out)
	}
	nobodySees(t, tree, append(words, "Not seen, but what regsync watch says: ", "permission denied")...)
}

// nobodySees runs status as a user who may do nothing.
func nobodySees(t *testing.T, tree string, words ...string) {
	if os.Geteuid() != 0 {
		t.Skip("becoming somebody else needs root")
	}
	program := filepath.Join(filepath.Dir(tree), "regsync")
	if err := copyFile(program, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "status", "--root", tree)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitPending {
		t.Errorf("nobody: exit code %d, %v", code, err)
	}
	for _, w := range words {
		if !strings.Contains(string(out), w) {
			t.Errorf("nobody sees no %q:\n%s", w, out)
		}
	}
}
