package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/test/rig"
)

// roots are the node file systems that every example is applied to.
var roots = map[string]func(root string) error{
	"empty":    func(string) error { return nil },
	"microk8s": func(root string) error { return errors.Join(rig.LayMicroK8s(root, "stock"), layFiles(root)) },
	"legacy":   func(root string) error { return errors.Join(rig.LayMicroK8s(root, "legacy"), layFiles(root)) },
	"containerd": func(root string) error {
		return errors.Join(write(root, rig.ContainerdConfig, rig.StockConfig), layFiles(root))
	},
}

// TestExamples applies each file of examples/ to each of the roots. A second plan is empty, containerd's own code reads
// what was written, and a reset gives back everything byte for byte. No daemon runs, and nothing outside the root is written.
func TestExamples(t *testing.T) {
	program := regsync(t)
	examples, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("looking for examples: %d found, error %v", len(examples), err)
	}
	for _, example := range examples {
		example, err := filepath.Abs(example)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(example), ".yaml")
		t.Run(name, func(t *testing.T) {
			run(t, program, 0, "validate", "-f", example)
			for root, lay := range roots {
				t.Run(root, func(t *testing.T) {
					t.Parallel()
					convergeExample(t, program, example, lay)
				})
			}
		})
	}
}

func convergeExample(t *testing.T, program, example string, lay func(string) error) {
	root := t.TempDir()
	// The ledger's place and the files that the example names are there before and after.
	if err := errors.Join(os.MkdirAll(filepath.Join(root, "var/lib/regsync"), 0o755), lay(root), layNamed(root, example)); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(root, "var/lib/regsync")
	before, err := tree(root, state)
	if err != nil {
		t.Fatal(err)
	}
	run(t, program, 0, "apply", "--yes", "-f", example, "--root", root)
	after, err := tree(root, state)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(before, after) {
		t.Error("apply changed nothing; an example describes something")
	}
	readBack(t, root)

	out := run(t, program, 0, "plan", "--detailed-exitcode", "-o", "json", "-f", example, "--root", root)
	var plan struct {
		Changes   []json.RawMessage `json:"changes"`
		Conflicts []json.RawMessage `json:"conflicts"`
	}
	if err := json.Unmarshal(out, &plan); err != nil {
		t.Fatalf("reading the plan: %v", err)
	}
	if len(plan.Changes)+len(plan.Conflicts) != 0 {
		t.Errorf("the second plan is not empty: %s", out)
	}

	run(t, program, 0, "reset", "--yes", "-f", example, "--root", root)
	given, err := tree(root, state)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, given); diff != "" {
		t.Errorf("reset did not give everything back (-before +after):\n%s", diff)
	}
}

// run runs regsync, expects an exit code, and returns what it wrote to stdout.
func run(t *testing.T, program string, want int, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("regsync %s: %v", strings.Join(args, " "), err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("regsync %s: exit code %d, expected %d\n%s%s", strings.Join(args, " "), got, want, &stdout, &stderr)
	}
	return stdout.Bytes()
}

// layFiles adds what a node has beside its runtime.
func layFiles(root string) error {
	return errors.Join(
		write(root, "/etc/hosts", "127.0.0.1 localhost\n# kept as it is\n10.0.0.7\tother.lab  other\n"),
		write(root, "/etc/docker/daemon.json", "{\n    \"log-driver\": \"journald\",\n    \"insecure-registries\": [\"old.lab:5000\"]\n}\n"),
	)
}

var (
	namedFile   = regexp.MustCompile(`/[\w./-]+\.(?:crt|cert|pem|key)\b`)
	namedSecret = regexp.MustCompile(`\bfile: *(/[\w./-]+)`)
)

// layNamed makes the certificates, keys and secrets that an example names by absolute path, below the root.
func layNamed(root, example string) error {
	text, err := os.ReadFile(example)
	if err != nil {
		return err
	}
	authority, err := rig.NewAuthority()
	if err != nil {
		return err
	}
	cert, key, err := authority.Issue("client")
	if err != nil {
		return err
	}
	for _, name := range namedFile.FindAllString(string(text), -1) {
		content := authority.PEM
		switch {
		case strings.HasSuffix(name, ".key"), strings.Contains(name, "key.pem"):
			content = key
		case !strings.Contains(name, "ca"):
			content = cert
		}
		if err := write(root, name, string(content)); err != nil {
			return err
		}
	}
	for _, match := range namedSecret.FindAllStringSubmatch(string(text), -1) {
		if err := write(root, match[1], "not a secret\n"); err != nil {
			return err
		}
	}
	return nil
}

func write(root, name, text string) error {
	name = filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644)
}
