package images

import (
	"context"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
)

// tidy takes away the record without a name (sha256:…) that the CRI may have made of an image of ours while its last name went: it hears of each
// record by an event, and what it makes of an earlier one can come after our look at what stands beside. It never finds that out by itself,
// and so kubelet's garbage collection would have to. name is the one that went, target the digest that it had. What cannot be found out, or
// taken away, is left to kubelet.
func (s *Store) tidy(ctx context.Context, name, target string) {
	if s.namespace != ofCRI || target == "" || s.appear(ctx, name, "") != nil { // then it has heard of all that we did
		return
	}
	records, err := s.records(ctx)
	if err != nil {
		return
	}
	var nameless []images.Image
	for _, r := range records {
		switch {
		case r.Target.Digest.String() != target:
		case !strings.HasPrefix(r.Name, "sha256:") || r.Labels[LabelSource] != "":
			return // it has another name
		default:
			nameless = append(nameless, r)
		}
	}
	for _, r := range nameless {
		if users, err := s.usersOf(ctx, r, records); err != nil && !errdefs.IsNotFound(err) || len(users) > 0 {
			return
		}
		_ = s.client.ImageService().Delete(ctx, r.Name, images.SynchronousDelete())
	}
}
