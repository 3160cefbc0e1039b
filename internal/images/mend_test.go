package images

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// What was lost is seen, and what is brought again is that and no more.
func TestMend(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		const name = "harbor.lab/app:1"
		from := newArchive()
		image := from.image(t, layer(t, 100_000), packed(t, 200_000), layer(t, 300_000))
		image.Pin = true
		want := named(image, name)
		n.bring(t, from, want)
		n.converged(t, want)
		ctx := n.in(t.Context())

		// Held by a lease that protects nothing below it, what is not taken away on purpose stays.
		hold := func(t *testing.T) {
			t.Helper()
			lease, err := n.client.LeasesService().Create(ctx, leases.WithRandomID(), leases.WithLabel("containerd.io/gc.flat", "true"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { n.client.LeasesService().Delete(context.WithoutCancel(ctx), lease) })
			for _, d := range image.Content {
				if err := n.client.LeasesService().AddResource(ctx, lease, leases.Resource{ID: d.Digest, Type: "content"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		remove := func(t *testing.T, names ...string) {
			t.Helper()
			for _, name := range names {
				if err := n.client.ImageService().Delete(ctx, name); err != nil {
					t.Fatal(err)
				}
			}
		}
		id := image.Content[1].Digest
		for _, loss := range []struct {
			name    string
			lose    func(*testing.T)
			seen    func(plan.LiveImage) bool
			written int64
		}{
			{"record", func(t *testing.T) { hold(t); remove(t, name, id) }, nil, 0},
			{"everything", func(t *testing.T) {
				remove(t, id)
				if err := n.client.ImageService().Delete(ctx, name, images.SynchronousDelete()); err != nil {
					t.Fatal(err)
				}
			}, nil, image.Bytes()},
			{"one layer", func(t *testing.T) {
				if err := n.client.ContentStore().Delete(ctx, digest.Digest(image.Content[3].Digest)); err != nil {
					t.Fatal(err)
				}
			}, func(l plan.LiveImage) bool {
				return l.Unpacked && slices.Equal(l.Missing, []string{image.Content[3].Digest})
			}, image.Content[3].Size},
			{"configuration", func(t *testing.T) {
				hold(t)
				if err := n.client.ContentStore().Delete(ctx, digest.Digest(id)); err != nil {
					t.Fatal(err)
				}
			}, func(l plan.LiveImage) bool { return slices.Equal(l.Missing, []string{id}) }, image.Content[1].Size},
			{"snapshot", func(t *testing.T) {
				if err := n.snapshots().Remove(ctx, chainID(image.DiffIDs)); err != nil {
					t.Fatal(err)
				}
			}, func(l plan.LiveImage) bool { return !l.Unpacked && len(l.Missing) == 0 }, 0},
			{"pin", func(t *testing.T) {
				if err := n.Release(ctx, name, image, false); err != nil {
					t.Fatal(err)
				}
			}, func(l plan.LiveImage) bool { return !l.Pinned && l.Source == "" && l.Managed }, 0},
			{"target", func(t *testing.T) {
				other := from.image(t, layer(t, 10))
				n.bring(t, from, named(other, name))
			}, func(l plan.LiveImage) bool { return l.Target != image.Target.Digest && !l.Pinned }, -1},
		} {
			t.Run(loss.name, func(t *testing.T) {
				loss.lose(t)
				n.collect(t)
				live, there := n.look(t, want)[name]
				if there != (loss.seen != nil) || there && !loss.seen(live) {
					t.Errorf("not seen as lost: %v, %+v", there, live)
				}
				if written := n.bring(t, from, want); loss.written >= 0 && written != loss.written {
					t.Errorf("%d bytes written, not %d", written, loss.written)
				}
				n.converged(t, want)
			})
		}
	})
}

// An image whose bytes are wrong is named, with its archive; nothing of it stays, and the images beside it are complete.
func TestImportDamaged(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		for _, sequential := range []bool{false, true} {
			from := newArchive()
			from.sequential = sequential
			bad := from.image(t, layer(t, 2_000_000), layer(t, 100_000))
			good := from.image(t, layer(t, 1000))
			broken := bad.Content[3].Digest
			from.blobs[broken] = slices.Clone(from.blobs[broken])
			from.blobs[broken][len(from.blobs[broken])/2] ^= 1
			want := both(named(good, "harbor.lab/good:1"), named(bad, "harbor.lab/bad:1"))

			err := n.Import(t.Context(), from, want, nil)
			var image *ImageError
			var damaged *DamagedError
			if !errors.As(err, &image) || image.Name != "harbor.lab/bad:1" {
				t.Fatalf("the image is not named: %v", err)
			}
			if !errors.As(err, &damaged) || damaged.Digest != broken || damaged.Archive != bad.Archive {
				t.Fatalf("blob and archive are not named: %v", err)
			}
			n.converged(t, named(good, "harbor.lab/good:1"))
			if live := n.look(t, want); len(live) != 1 {
				t.Errorf("there is a record of the damaged image: %v", live)
			}
			if there, sum := len(n.content(t)), len(good.Content); there != sum {
				t.Errorf("%d blobs there, not %d", there, sum)
			}
			n.nothingUnderWay(t)
			if err := n.Remove(t.Context(), "harbor.lab/good:1", good); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// collect has containerd's garbage collector run.
func (n *node) collect(t *testing.T) {
	t.Helper()
	ctx := n.in(t.Context())
	lease, err := n.client.LeasesService().Create(ctx, leases.WithRandomID())
	if err == nil {
		err = n.client.LeasesService().Delete(ctx, lease, leases.SynchronousDelete)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// nothingUnderWay fails the test for leases, for content that is not finished, and for snapshots that nobody committed.
func (n *node) nothingUnderWay(t *testing.T) {
	t.Helper()
	ctx := n.in(t.Context())
	held, err := n.client.LeasesService().List(ctx)
	if err != nil || len(held) > 0 {
		t.Errorf("leases left: %v, %v", held, err)
	}
	writing, err := n.client.ContentStore().ListStatuses(ctx)
	if err != nil || len(writing) > 0 {
		t.Errorf("content left that is not finished: %v, %v", writing, err)
	}
}

// Images that containers use are not removed, by whatever name the container knows them; images of others neither.
func TestRemove(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		from := newArchive()
		app := from.image(t, layer(t, 1000))
		other := from.image(t, layer(t, 2000))
		want := both(named(app, "harbor.lab/app:1"), named(other, "harbor.lab/other:1", "harbor.lab/other:2"))
		n.bring(t, from, want)
		ctx := n.in(t.Context())
		end := n.container(t, "pod-1", app.Content[1].Digest)

		users := n.look(t, want)["harbor.lab/app:1"].Users
		if !slices.Equal(users, []string{"shop/web-0/app"}) {
			t.Errorf("users %q", users)
		}
		var used *InUseError
		if err := n.Remove(ctx, "harbor.lab/app:1", app); !errors.As(err, &used) || used.Users[0] != "shop/web-0/app" {
			t.Errorf("removed although it is used: %v", err)
		}
		n.converged(t, named(other, "harbor.lab/other:1", "harbor.lab/other:2"))
		end()

		if err := n.Remove(ctx, "harbor.lab/other:1", other); err != nil {
			t.Fatal(err)
		}
		n.converged(t, named(other, "harbor.lab/other:2"))
		if err := n.Release(ctx, "harbor.lab/other:2", other, false); err != nil {
			t.Fatal(err)
		}
		if err := n.Remove(ctx, "harbor.lab/other:2", other); !errors.Is(err, ErrForeign) {
			t.Errorf("removed although it is not ours: %v", err)
		}
		if err := n.Mark(ctx, "harbor.lab/other:2", false, other.Archive); err != nil {
			t.Fatal(err)
		}
		for name, image := range want {
			if err := n.Remove(ctx, name, image); err != nil {
				t.Fatal(err)
			}
		}
		n.empty(t)
	})
}

// A record without a name that is left of an image of ours goes with it, by each of the ways on which it can have been left; that of an image
// which has another name, or which a container uses, stays.
func TestNameless(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		from := newArchive()
		app, twice, used := from.image(t, layer(t, 1000)), from.image(t, layer(t, 2000)), from.image(t, layer(t, 3000))
		want := both(named(app, "h.lab/app:1"), named(twice, "h.lab/twice:1", "h.lab/twice:2"), named(used, "h.lab/used:1"))
		n.bring(t, from, want)
		ctx := n.in(t.Context())
		end := n.container(t, "pod-1", used.Content[1].Digest)
		gone := func(name string) { // as by a run that was killed right after it
			t.Helper()
			if err := n.client.ImageService().Delete(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
		ids := func() (list []string) {
			t.Helper()
			records, err := n.records(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for name := range records {
				if strings.HasPrefix(name, "sha256:") {
					list = append(list, name)
				}
			}
			slices.Sort(list)
			return list
		}
		all := ids()
		gone("h.lab/app:1")
		gone("h.lab/twice:1")
		gone("h.lab/used:1")
		for name, image := range map[string]render.Image{"h.lab/twice:1": twice, "h.lab/used:1": used} {
			if err := n.Release(ctx, name, image, false); err != nil {
				t.Fatal(err)
			}
		}
		if left := ids(); !slices.Equal(left, all) {
			t.Errorf("left are %q of %q, though one has a name, and one a container", left, all)
		}
		if err := n.Remove(ctx, "h.lab/app:1", app); err != nil {
			t.Fatal(err)
		}
		if left := ids(); len(left) != len(all)-1 {
			t.Errorf("left are %q of %q", left, all)
		}
		end()
		if err := errors.Join(n.Release(ctx, "h.lab/used:1", used, false), n.Remove(ctx, "h.lab/twice:2", twice)); err != nil {
			t.Fatal(err)
		}
		n.empty(t)
	})
}

// Two archives that share blobs are brought at the same time.
func TestImportSideBySide(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		from := newArchive()
		shared := []render.Image{}
		base, big := layer(t, 5_000_000), layer(t, 3_000_000)
		for range 4 {
			shared = append(shared, from.image(t, base, big, layer(t, 1000)))
		}
		want := map[string]render.Image{}
		failed := make(chan error)
		for i, image := range shared {
			mine := named(image, []string{"h.lab/a:1", "h.lab/b:1", "h.lab/c:1", "h.lab/d:1"}[i])
			want = both(want, mine)
			go func() { failed <- n.Import(t.Context(), from, mine, nil) }()
		}
		for range shared {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		n.converged(t, want)
		n.nothingUnderWay(t)
	})
}
