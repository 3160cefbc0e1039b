package images

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/test/rig"
)

// A test pull leaves the store as it was: what came goes, what was there keeps its target, its pin and its label though its tag has moved, and what a
// container uses stays.
func TestTry(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		registry, err := rig.StartRegistry(rig.ExampleAddress+":5280", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer registry.Close()
		const name = "myprojectname.io/shop/web:1"
		certs := filepath.Join(rig.ContainerdCerts, "myprojectname.io")
		if err := os.MkdirAll(certs, 0o755); err != nil {
			t.Fatal(err)
		}
		hosts := "[host.\"http://" + registry.Address + "\"]\n"
		if err := os.WriteFile(filepath.Join(certs, "hosts.toml"), []byte(hosts), 0o644); err != nil {
			t.Fatal(err)
		}
		if trial, err := n.Try(t.Context(), name); err == nil || strings.Contains(err.Error(), "rpc error") || trial.Removed {
			t.Errorf("pulled what nobody has: %+v, %v", trial, err)
		}
		push := func() string {
			t.Helper()
			digest, err := registry.Push("shop/web:1")
			if err != nil {
				t.Fatal(err)
			}
			return digest
		}
		first := push()

		// It was not there.
		store := n.snapshotOf(t)
		for _, name := range []string{name, name + "@" + first, strings.TrimSuffix(name, ":1") + "@" + first} {
			if trial, err := n.Try(t.Context(), name); err != nil || !reflect.DeepEqual(trial, Trial{Removed: true}) {
				t.Fatalf("%s: %+v, %v", name, trial, err)
			}
			if got := n.snapshotOf(t); got != store {
				t.Errorf("%s: the store is\n%s\nit was\n%s", name, got, store)
			}
			if id, _, err := n.seen(n.in(t.Context()), name); id != "" || err != nil {
				t.Errorf("%s: the CRI has %q, %v", name, id, err)
			}
		}

		// It is ours and pinned; then its tag moves.
		if err := n.Pull(t.Context(), name, true); err != nil {
			t.Fatal(err)
		}
		n.collect(t)
		store = n.snapshotOf(t)
		for range 2 {
			if trial, err := n.Try(t.Context(), name); err != nil || !reflect.DeepEqual(trial, Trial{Found: true}) {
				t.Fatalf("%+v, %v", trial, err)
			}
			n.collect(t)
			if got := n.snapshotOf(t); got != store {
				t.Errorf("the store is\n%s\nit was\n%s", got, store)
			}
			push()
		}
		want := map[string]render.Image{name: {Platform: "linux/" + runtime.GOARCH, Pin: true}}
		if live := n.look(t, want)[name]; live.Target != first || !live.Unpacked || !live.Pinned || len(live.Missing) > 0 {
			t.Errorf("after all: %+v", live)
		}

		// A container uses it by the time that it is there.
		if err := n.Remove(t.Context(), name, want[name]); err != nil {
			t.Fatal(err)
		}
		end := n.container(t, "app", name)
		trial, err := n.Try(t.Context(), name)
		if err != nil || !reflect.DeepEqual(trial, Trial{Users: []string{"shop/web-0/app"}}) {
			t.Fatalf("%+v, %v", trial, err)
		}
		if _, ok := n.look(t, want)[name]; !ok {
			t.Error("an image that is used is gone")
		}
		end()
	})
}

// snapshotOf is what the store holds: records with their labels, and content.
func (n *node) snapshotOf(t *testing.T) string {
	t.Helper()
	records, err := n.records(n.in(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for name, r := range records {
		line := name + " " + r.Target.Digest.String()
		for _, key := range slices.Sorted(maps.Keys(r.Labels)) {
			line += " " + key + "=" + r.Labels[key]
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(append(lines, n.content(t)...), "\n")
}
