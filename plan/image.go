package plan

import (
	"fmt"
	"strings"

	"github.com/regsync/regsync/render"
)

// wantImage compares an image with what containerd's store has of it. An image is right when its name is there and points to
// what the archive holds, everything of the node's platform is there and unpacked, the CRI sees it, and it is pinned if it is
// to be.
func (b *builder) wantImage(r render.Resource, live *LiveImage, owned *Owned) {
	if r.Node != "" {
		b.wantElsewhere(r, owned)
		return
	}
	entry := &Owned{Image: r.Image}
	switch {
	case owned != nil:
		entry.Found, entry.Pinned = owned.Found, owned.Pinned
	case live != nil && live.Source == "":
		entry.Found, entry.Pinned = true, live.Pinned
	}
	c := Change{ID: r.ID, Image: r.Image, Entry: entry, Fetch: live == nil || incomplete(*r.Image, *live) != ""}
	var faults []string
	if live != nil {
		faults = imageFaults(*r.Image, *live)
	}
	switch {
	case live == nil:
		c.Action, c.Reason = Create, "not on the node: "+r.Why
		if owned != nil && owned.Coming == "" {
			c.Reason, c.Drift = "was removed since the last apply: "+r.Why, true
		}
	case owned == nil && live.Source == "" && !b.pol.Adopt:
		if len(faults) == 0 {
			b.plan.Unchanged++
			return
		}
		b.conflict(r.ID, "an image of that name is there ("+strings.Join(faults, ", ")+") and policy.adopt is false",
			"remove the image, or set policy.adopt: true")
		return
	case owned == nil && len(faults) == 0:
		c.Action, c.Reason = Adopt, "takes over the image, which is right already"
	case owned == nil && live.Source == "":
		c.Action, c.Reason = Adopt, "takes over the image: "+strings.Join(faults, ", ")
	case len(faults) == 0 && owned.Coming != "":
		c.Action, c.Reason = Adopt, unfinished // it is only to be remembered that it is done
	case len(faults) == 0:
		b.plan.Unchanged++
		return
	default:
		c.Action, c.Reason = Update, strings.Join(faults, ", ")
		c.Drift = owned != nil && owned.Image != nil && sameImage(*owned.Image, *r.Image)
	}
	b.plan.Changes = append(b.plan.Changes, c)
}

// wantElsewhere compares an image with what we have brought to another node. Nobody can be asked there: what that node has is what
// our own record says.
func (b *builder) wantElsewhere(r render.Resource, owned *Owned) {
	c := Change{ID: r.ID, Image: r.Image, Fetch: true, Entry: &Owned{Image: r.Image}}
	switch {
	case owned == nil || owned.Coming != "" || owned.Image == nil:
		c.Action, c.Reason = Create, "not brought to the node yet: "+r.Why
	case owned.Image.Target.Digest != r.Image.Target.Digest:
		c.Action, c.Reason = Update, "other digest: "+r.Why
	default:
		b.plan.Unchanged++
		return
	}
	b.plan.Changes = append(b.plan.Changes, c)
}

// imageFaults says what an image lacks; none where it is right.
func imageFaults(want render.Image, live LiveImage) []string {
	var faults []string
	if fault := incomplete(want, live); fault != "" {
		faults = append(faults, fault)
	}
	if !live.Managed {
		faults = append(faults, "the CRI does not see it")
	}
	if want.Pin && !live.Pinned {
		faults = append(faults, "not pinned")
	}
	if !want.Pin && live.Pinned && live.Source != "" {
		faults = append(faults, "pinned")
	}
	return faults
}

// incomplete says why the image's content, or a part of it, has to come; empty: it is all there.
func incomplete(want render.Image, live LiveImage) string {
	switch {
	case want.Target.Digest != "" && live.Target != want.Target.Digest:
		return "other digest" // whatever else is wrong with the other image does not matter
	case live.Moved != "":
		return "the registry has another digest"
	case len(live.Missing) > 0:
		return missing(want, live)
	case !live.Unpacked:
		return "not unpacked"
	}
	return ""
}

// missing names the missing content by what it is.
func missing(want render.Image, live LiveImage) string {
	layers := 0
	gone := map[string]bool{}
	for _, d := range live.Missing {
		gone[d] = true
	}
	for _, d := range want.Content {
		if gone[d.Digest] && strings.Contains(d.MediaType, "layer") || gone[d.Digest] && strings.Contains(d.MediaType, "rootfs") {
			layers++
		}
	}
	switch {
	case layers == 1:
		return "layer missing"
	case layers > 1:
		return fmt.Sprintf("%d layers missing", layers)
	}
	return "content missing"
}

func sameImage(a, b render.Image) bool {
	return a.Target.Digest == b.Target.Digest && a.Pin == b.Pin && a.Platform == b.Platform
}

// removeImage plans what becomes of an image that nobody asks for any more: one that was there before us is unpinned and
// stays, one that we brought goes, unless a container uses it.
func (b *builder) removeImage(id render.ID, live *LiveImage, owned Owned) {
	c := Change{ID: id, Removal: true, Action: Forget, Reason: b.pol.Leaving, Image: owned.Image, KeepPin: owned.Pinned}
	switch {
	case id.Node != "":
		c.Reason += ": it stays on the node, whose agent can take nothing away"
	case live == nil, live.Source == "":
		// It is gone, or somebody has put another in its place.
	case owned.Found:
		c.Reason += ": it was there before, and stays"
	case len(live.Users) > 0:
		c.Reason += ": container " + live.Users[0] + " uses it, so it stays, unpinned"
	default:
		c.Action = Delete
	}
	b.plan.Changes = append(b.plan.Changes, c)
}
