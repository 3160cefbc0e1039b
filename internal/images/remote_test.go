package images

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/test/rig"
)

// What is brought ahead of a pull comes through our reader, once, and the pull that follows asks for no blob any more.
func TestPrefetch(t *testing.T) {
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
		if err := os.WriteFile(filepath.Join(certs, "hosts.toml"), []byte("[host.\"http://"+registry.Address+"\"]\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		platform := "linux/" + runtime.GOARCH
		if _, err := Survey(t.Context(), inCertsD(t), name, platform); err == nil {
			t.Error("it is known what nobody has")
		}
		digest, err := registry.Push("shop/web:1")
		if err != nil {
			t.Fatal(err)
		}
		remote, err := Survey(t.Context(), inCertsD(t), name, platform)
		if err != nil {
			t.Fatal(err)
		}
		if remote.Image.Target.Digest != digest || remote.Image.Bytes() < 1000 || len(remote.Image.DiffIDs) == 0 {
			t.Errorf("%+v", remote.Image)
		}
		registry.Forget()
		var through int64
		count := func(r io.Reader) io.Reader {
			return readerFunc(func(b []byte) (int, error) {
				n, err := r.Read(b[:min(len(b), 100)])
				through += int64(n)
				return n, err
			})
		}
		var last Progress
		done, err := n.Prefetch(t.Context(), remote, count, func(p Progress) { last = p })
		if err != nil {
			t.Fatal(err)
		}
		n.collect(t) // what is brought stays
		if through < remote.Image.Bytes() || last.Written != last.Total || last.Total != remote.Image.Bytes() {
			t.Errorf("%d bytes came through, %+v, of %d", through, last, remote.Image.Bytes())
		}
		for _, d := range remote.Image.Content {
			if got := asked(registry, d.Digest); got != 1 {
				t.Errorf("%s was asked for %d times", d.Digest, got)
			}
		}
		registry.Forget()
		err = n.Pull(t.Context(), name, true)
		done(err)
		if err != nil {
			t.Fatal(err)
		}
		n.collect(t)
		live := n.look(t, map[string]render.Image{name: {Platform: platform, Pin: true}})[name]
		if live.Target != digest || !live.Unpacked || !live.Pinned || len(live.Missing) > 0 {
			t.Errorf("after the pull: %+v", live)
		}
		for _, d := range remote.Image.Content[1:] {
			if got := asked(registry, d.Digest); got > 0 {
				t.Errorf("the pull asked for %s %d times\n%s", d.Digest, got, strings.Join(registry.Requests(), "\n"))
			}
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// asked is how often a registry was asked to give what has a digest.
func asked(registry *rig.Registry, digest string) int {
	n := 0
	for _, request := range registry.Requests() {
		if strings.Contains(request, digest) && strings.Contains(request, "GET") {
			n++
		}
	}
	return n
}
