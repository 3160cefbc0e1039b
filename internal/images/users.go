package images

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
)

// Labels by which the CRI says whose a container is.
const (
	labelPodNamespace = "io.kubernetes.pod.namespace"
	labelPodName      = "io.kubernetes.pod.name"
	labelContainer    = "io.kubernetes.container.name" // a pod's sandbox has none
)

// usage says which containers use which image.
type usage struct {
	byTarget map[digest.Digest][]string
	byChain  map[string][]string // of containers whose image has no record any more
}

// users finds out what containers use. The record of a container names one of its image's names, any of them; where that name is gone the
// snapshot that its own stands on tells.
func (s *Store) users(ctx context.Context, records map[string]images.Image) (usage, error) {
	u := usage{map[digest.Digest][]string{}, map[string][]string{}}
	list, err := s.client.Containers(ctx)
	if err != nil {
		return u, fmt.Errorf("listing containers: %w", plain(err))
	}
	for _, c := range list {
		who := c.ID
		if pod := c.Labels[labelPodName]; pod != "" {
			who = c.Labels[labelPodNamespace] + "/" + pod
			if name := c.Labels[labelContainer]; name != "" {
				who += "/" + name
			}
		}
		if record, ok := records[c.Image]; ok {
			u.byTarget[record.Target.Digest] = append(u.byTarget[record.Target.Digest], who)
			continue
		}
		if c.SnapshotKey == "" || c.Snapshotter == "" {
			continue
		}
		if info, err := s.client.SnapshotService(c.Snapshotter).Stat(ctx, c.SnapshotKey); err == nil && info.Parent != "" {
			u.byChain[info.Parent] = append(u.byChain[info.Parent], who)
		}
	}
	return u, nil
}

// of gives the containers that use an image, sorted.
func (u usage) of(target digest.Digest, chain string) []string {
	users := slices.Concat(u.byTarget[target], u.byChain[chain])
	slices.Sort(users)
	return slices.Compact(users)
}
