package images

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/render"
)

// Held is an image of the store, as it is.
type Held struct {
	Name    string
	Pinned  bool
	Pulled  bool // it came from a registry: containerd has noted from which
	Missing int  // blobs for the platform that are not there
}

// labelFrom begins the labels by which containerd notes on a blob which registry it came from (core/remotes/docker/handler.go).
const labelFrom = "containerd.io/distribution.source."

// Held gives the images of the store that have names, and how much of each is there for a platform.
func (s *Store) Held(ctx context.Context, platform string) ([]Held, error) {
	ctx = s.in(ctx)
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	want := map[string]render.Image{}
	for name := range records {
		if !strings.HasPrefix(name, "sha256:") { // the CRI's own names, one for each image
			want[name] = render.Image{Platform: platform}
		}
	}
	live, err := s.Look(ctx, want)
	if err != nil {
		return nil, err
	}
	var all []Held
	for name, l := range live {
		h := Held{Name: name, Pinned: l.Pinned, Missing: len(l.Missing)}
		info, err := s.client.ContentStore().Info(ctx, digest.Digest(l.Target))
		if err != nil && !errdefs.IsNotFound(err) {
			return nil, fmt.Errorf("asking for %s: %w", l.Target, plain(err))
		}
		for label := range info.Labels {
			h.Pulled = h.Pulled || strings.HasPrefix(label, labelFrom)
		}
		all = append(all, h)
	}
	return all, nil
}

// Elsewhere counts the images in containerd's other namespaces.
func (s *Store) Elsewhere(ctx context.Context) (map[string]int, error) {
	list, err := s.client.Namespaces(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", plain(err))
	}
	counts := map[string]int{}
	for _, name := range list {
		if name == s.namespace {
			continue
		}
		records, err := s.client.ImageService().List(namespaces.WithNamespace(ctx, name))
		if err != nil {
			return nil, fmt.Errorf("listing the images of namespace %s: %w", name, plain(err))
		}
		counts[name] = len(records)
	}
	return counts, nil
}

// Root is the directory on the node in which containerd keeps content; empty where it does not say.
func (s *Store) Root() string { return s.roots[""] }
