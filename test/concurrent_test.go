package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

const applies = 50

// twoSpecs ask for different things of the same files.
var twoSpecs = [2]string{
	"registries: [{host: a.example, address: 10.0.0.4}, {host: both.example, server: \"http://10.0.0.4:5000\"}]\ninsecure: [\"10.0.0.4:5000\"]\n",
	"registries: [{host: b.example, address: 10.0.0.5}, {host: both.example, server: \"http://10.0.0.5:5000\"}]\ninsecure: [\"10.0.0.5:5000\"]\n",
}

// TestConcurrent runs many applies of two specs at once. Those that wait all succeed; those that do not succeed too, or say who is at work.
// Each ends with a node that is all the one or all the other, as if they had come one after the other; so does all of it.
func TestConcurrent(t *testing.T) {
	program := regsync(t)
	if !rig.Isolated(t) {
		return
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "node")
	for name, text := range map[string]string{
		"node/etc/hosts":                                      "127.0.0.1 localhost\n",
		"node/etc/docker/daemon.json":                         "{\"debug\": true}\n",
		"node/etc/containerd/config.toml":                     "version = 2\n",
		"node/etc/containerd/certs.d/both.example/hosts.toml": "server = \"https://both.example\"\n",
		"spec/0.yaml":                                         "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\n" + twoSpecs[0],
		"spec/1.yaml":                                         "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\n" + twoSpecs[1],
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	see := func() picture {
		p, err := take([]string{root}, filepath.Join(root, "var"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	run := func(args ...string) (int, string) {
		out, err := exec.Command(program, append(args, "--root", root)...).CombinedOutput()
		return exitCode(t, err), string(out)
	}
	spec := func(i int) string { return filepath.Join(dir, "spec", fmt.Sprintf("%d.yaml", i%2)) }

	original := see()
	var either [2]picture
	for i := range either {
		if code, out := run("apply", "-f", spec(i)); code != 0 {
			t.Fatalf("exit code %d\n%s", code, out)
		}
		either[i] = see()
		if code, out := run("reset"); code != 0 {
			t.Fatalf("exit code %d\n%s", code, out)
		}
	}

	var wait sync.WaitGroup
	var mu sync.Mutex
	done, refused := 0, 0
	for i := range applies {
		wait.Go(func() {
			args := []string{"apply", "-f", spec(i), "--allow-removals"}
			patient := i%5 != 0
			if patient {
				args = append(args, "--wait", "5m")
			}
			code, out := run(args...)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case code == 0:
				done++
			case !patient && code == 1 && strings.Contains(out, "another regsync is at work on this node"):
				refused++
			default:
				t.Errorf("apply %d: exit code %d\n%s", i, code, out)
			}
		})
	}
	wait.Wait()
	end := see()
	if end.differs(either[0]) != "" && end.differs(either[1]) != "" {
		t.Errorf("the node is neither the one:\n%s\nnor the other:\n%s", end.differs(either[0]), end.differs(either[1]))
	}
	last := 0
	if end.differs(either[1]) == "" {
		last = 1
	}
	if code, out := run("plan", "-f", spec(last), "--detailed-exitcode"); code != 0 {
		t.Errorf("the ledger does not agree with the node: exit code %d\n%s", code, out)
	}
	whole(t, root)
	t.Logf("%d applies at once: %d done, %d told who was at work", applies, done, refused)
	if code, out := run("reset"); code != 0 {
		t.Errorf("reset: exit code %d\n%s", code, out)
	}
	if difference := see().differs(original); difference != "" {
		t.Errorf("given back, but not as it was:\n%s", difference)
	}
}

// whole looks at the generations that are kept: each is one of the two specs, all of it.
func whole(t *testing.T, root string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "var/lib/regsync/generations/[0-9]*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no generations are kept: %v", err)
	}
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, kept, ok := strings.Cut(string(data), `"resources":`)
		if !ok {
			t.Fatalf("%s keeps nothing: %s", name, data)
		}
		a, b := strings.Contains(kept, "a.example"), strings.Contains(kept, "b.example")
		if a == b || strings.Contains(kept, "10.0.0.4") != a || strings.Contains(kept, "10.0.0.5") != b {
			t.Errorf("%s is of both, or of none:\n%s", name, kept)
		}
	}
}
