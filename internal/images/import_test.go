package images

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// A name that is brought is complete, pinned and seen by the CRI; brought again, nothing is written.
func TestImport(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		for _, sequential := range []bool{false, true} {
			from := newArchive()
			from.sequential = sequential
			base := layer(t, 300_000)
			one := from.image(t, base, packed(t, 2_500_000), layer(t, 10))
			two := from.image(t, base, layer(t, 1000))
			one.Pin = true
			further := one
			further.Pin = false
			want := both(named(one, "harbor.lab/one:1"), named(further, "harbor.lab/further:1"), named(two, "harbor.lab/two:1"))

			if live := n.look(t, want); len(live) != 0 {
				t.Errorf("there before: %v", live)
			}
			written := n.bring(t, from, want)
			if sum := contentOf(want); written != sum || from.opened.Load() != sum {
				t.Errorf("%d bytes written and %d read, not %d", written, from.opened.Load(), sum)
			}
			n.converged(t, want)
			if again := n.bring(t, from, want); again != 0 {
				t.Errorf("%d bytes written again", again)
			}
			for name, image := range want {
				seen, err := n.CRI.Status(t.Context(), name)
				if err != nil || seen == nil {
					t.Fatalf("CRI: %v, %v", seen, err)
				}
				if seen.Id != image.Content[1].Digest {
					t.Errorf("CRI has %s as %s, not %s", name, seen.Id, image.Content[1].Digest)
				}
				if n.release.Name != "1.6" && seen.Pinned != (seen.Id == one.Content[1].Digest) {
					t.Errorf("CRI says of %s that pinned is %v", name, seen.Pinned)
				}
			}
			for name, image := range want {
				if err := n.Remove(t.Context(), name, image); err != nil {
					t.Fatal(err)
				}
			}
			n.empty(t)
		}
	})
}

func (n *node) look(t *testing.T, want map[string]render.Image) map[string]plan.LiveImage {
	t.Helper()
	live, err := n.Look(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// bring imports and gives the number of bytes that were written.
func (n *node) bring(t *testing.T, from *archive, want map[string]render.Image) int64 {
	t.Helper()
	var last Progress
	if err := n.Import(t.Context(), from, want, func(p Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	if last.Written != last.Total {
		t.Errorf("%d of %d bytes written", last.Written, last.Total)
	}
	return last.Written
}

// converged fails the test for each image that is not as it is wanted.
func (n *node) converged(t *testing.T, want map[string]render.Image) {
	t.Helper()
	right := map[string]plan.LiveImage{}
	for name, image := range want {
		right[name] = plan.LiveImage{
			Target: image.Target.Digest, Unpacked: true, Managed: true, Pinned: image.Pin, Source: image.Archive,
		}
	}
	if diff := cmp.Diff(right, n.look(t, want)); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

// empty fails the test if containerd still has anything.
func (n *node) empty(t *testing.T) {
	t.Helper()
	ctx := n.in(t.Context())
	records, err := n.records(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name := range records {
		t.Errorf("left: image %s", name)
	}
	for _, d := range n.content(t) {
		t.Errorf("left: blob %s", d)
	}
	seen, err := n.CRI.Images(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range seen {
		t.Logf("the CRI still lists %v", i.RepoTags)
	}
}

// contentOf is the number of bytes of all different blobs.
func contentOf(want map[string]render.Image) int64 {
	sizes := map[string]int64{}
	for _, image := range want {
		for _, d := range image.Content {
			sizes[d.Digest] = d.Size
		}
	}
	var sum int64
	for _, size := range sizes {
		sum += size
	}
	return sum
}
