package images

import (
	"context"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/test/rig"
)

// What is taken out of the store is told of, and that containerd is there again after it was away.
func TestFollow(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		from := newArchive()
		image := from.image(t, layer(t, 1000))
		n.bring(t, from, named(image, "harbor.lab/app:1"))

		told, ended, up := make(chan string, 100), make(chan error, 1), make(chan bool, 100)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			ended <- Follow(ctx, rig.ContainerdSocket, "", func(cause string) { told <- cause }, func(there bool, _ string) { up <- there })
		}()
		await := func(want string) {
			t.Helper()
			for {
				select {
				case got := <-told:
					if got == want {
						return
					}
				case <-time.After(30 * time.Second):
					t.Fatalf("nobody told of %q", want)
				}
			}
		}
		await("containerd is there")
		if err := n.client.ContentStore().Delete(n.in(ctx), digest.Digest(image.Content[2].Digest)); err != nil {
			t.Fatal(err)
		}
		await("containerd: /content/delete")
		if err := n.client.ImageService().Delete(n.in(ctx), "harbor.lab/app:1"); err != nil {
			t.Fatal(err)
		}
		await("containerd: /images/delete")
		if !<-up {
			t.Error("it is said not to be there")
		}
		n.stop()
		if <-up {
			t.Error("it is said to be there still")
		}
		n.start(t)
		await("containerd is there")
		if err := n.client.ImageService().Delete(n.in(ctx), image.Content[1].Digest); err != nil {
			t.Fatal(err)
		}
		await("containerd: /images/delete")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
