package images

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/test/rig"
)

// An image is pulled through the node's hosts.toml, is then ours and pinned, and what is lost of it is seen.
func TestPull(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		registry, err := rig.StartRegistry(rig.ExampleAddress+":5280", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer registry.Close()
		const name = "myprojectname.io/shop/web:1"
		certs := filepath.Join(rig.ContainerdCerts, "myprojectname.io")
		hosts := "[host.\"http://" + registry.Address + "\"]\n"
		if err := os.MkdirAll(certs, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(certs, "hosts.toml"), []byte(hosts), 0o644); err != nil {
			t.Fatal(err)
		}
		want := map[string]render.Image{name: {Platform: "linux/" + runtime.GOARCH, Pin: true}}

		var unreachable *UnreachableError
		if _, err := Resolve(t.Context(), inCertsD(t), name); !errors.As(err, &unreachable) || unreachable.Reference != name {
			t.Errorf("resolved what nobody has: %v", err)
		}
		if err := n.Pull(t.Context(), name, true); err == nil || strings.Contains(err.Error(), "rpc error") {
			t.Errorf("pulling what nobody has: %v", err)
		}
		digest, err := registry.Push("shop/web:1")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Resolve(t.Context(), inCertsD(t), name); err != nil || got != digest {
			t.Errorf("resolved as %q, %v, and not as %s", got, err, digest)
		}
		if err := n.Pull(t.Context(), name, true); err != nil {
			t.Fatal(err)
		}
		live := n.look(t, want)[name]
		if live.Target != digest || !live.Unpacked || !live.Managed || !live.Pinned || live.Source != FromRegistry || len(live.Missing) > 0 {
			t.Errorf("after the pull: %+v", live)
		}

		// The tag moves: the pull brings the other image under that name, and the name stays pinned and ours.
		moved, err := registry.Push("shop/web:1")
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Pull(t.Context(), name, true); err != nil {
			t.Fatal(err)
		}
		if again := n.look(t, want)[name]; again.Target != moved || !again.Pinned || again.Source != FromRegistry {
			t.Errorf("after the tag moved: %+v", again)
		}

		if err := n.snapshots().Remove(n.in(t.Context()), n.top(t, name, want[name])); err != nil {
			t.Fatal(err)
		}
		n.collect(t) // 1.6 may else take a layer for unpacked that is collected while it goes on
		if lost := n.look(t, want)[name]; lost.Unpacked {
			t.Errorf("the snapshot is not missed: %+v", lost)
		}
		if err := n.Pull(t.Context(), name, true); err != nil {
			t.Fatal(err)
		}
		if mended := n.look(t, want)[name]; !mended.Unpacked {
			t.Errorf("not unpacked again: %+v", mended)
		}

		if err := n.Remove(t.Context(), name, want[name]); err != nil {
			t.Fatal(err)
		}
		if live := n.look(t, want); len(live) > 0 {
			t.Errorf("still there: %v", live)
		}
		records, err := n.records(n.in(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		for other, record := range records {
			if record.Target.Digest.String() == moved {
				t.Errorf("left: %s", other)
			}
		}
	})
}

// top is the name of the topmost snapshot of an image that was pulled.
func (n *node) top(t *testing.T, name string, want render.Image) string {
	t.Helper()
	record, err := n.client.ImageService().Get(n.in(t.Context()), name)
	if err != nil {
		t.Fatal(err)
	}
	need, err := n.follow(n.in(t.Context()), record.Target, want.Platform)
	if err != nil {
		t.Fatal(err)
	}
	return need.chain()
}

// inCertsD gives whom containerd asks by the files of certs.d.
func inCertsD(t *testing.T) Hosts {
	t.Helper()
	return config.ConfigureHosts(t.Context(), config.HostOptions{HostDir: config.HostDirFromRoot(rig.ContainerdCerts)})
}
