package images

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// asideCalls bounds the calls that are under way side by side.
const asideCalls = 8

// Look compares the store with images by their names: what is wanted, and what was ours and is wanted no more as it was wanted.
// A name without a record is not in the answer. No blob is read but the manifest and the configuration of an image that was pulled.
func (s *Store) Look(ctx context.Context, want map[string]render.Image) (map[string]plan.LiveImage, error) {
	ctx = s.in(ctx)
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	needs := map[string]*need{}
	blobs := map[string]bool{} // there or not
	calls, callCtx := errgroup.WithContext(ctx)
	calls.SetLimit(asideCalls)
	for name, image := range want {
		record, ok := records[name]
		if !ok {
			continue
		}
		n := &need{diffIDs: image.DiffIDs}
		needs[name] = n
		if len(image.Content) > 0 {
			for _, d := range image.Content {
				n.blobs = append(n.blobs, d.Digest)
			}
			continue
		}
		calls.Go(func() (err error) {
			*n, err = s.follow(callCtx, record.Target, image.Platform)
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return nil, err
	}
	for _, n := range needs {
		for _, d := range n.blobs {
			blobs[d] = false
		}
	}
	if err := s.present(ctx, blobs); err != nil {
		return nil, err
	}
	unpacked, err := s.unpacked(ctx, needs)
	if err != nil {
		return nil, err
	}
	users, err := s.users(ctx, records)
	if err != nil {
		return nil, err
	}
	live := map[string]plan.LiveImage{}
	for name, n := range needs {
		record := records[name]
		l := plan.LiveImage{
			Target:   record.Target.Digest.String(),
			Unpacked: unpacked[n.chain()],
			Managed:  record.Labels[labelManaged] == "managed",
			Pinned:   record.Labels[labelPinned] == "pinned",
			Source:   record.Labels[LabelSource],
			Missing:  n.missing,
		}
		for _, d := range n.blobs {
			// The CRI can be told to drop the layers of what it pulls once they are unpacked (discard_unpacked_layers).
			if !blobs[d] && !(l.Unpacked && n.layers[d]) && !slices.Contains(l.Missing, d) {
				l.Missing = append(l.Missing, d)
			}
		}
		l.Users = users.of(record.Target.Digest, n.chain())
		live[name] = l
	}
	return live, nil
}

// records are all images of the namespace by name.
func (s *Store) records(ctx context.Context) (map[string]images.Image, error) {
	list, err := s.client.ImageService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", plain(err))
	}
	records := make(map[string]images.Image, len(list))
	for _, record := range list {
		records[record.Name] = record
	}
	return records, nil
}

// need is what must be in the store for an image to be complete.
type need struct {
	blobs   []string
	layers  map[string]bool // those of blobs that are not needed once they are unpacked
	missing []string        // what is known to be missing already
	diffIDs []string
}

// chain is the name of the topmost snapshot; empty where there is none.
func (n *need) chain() string { return chainID(n.diffIDs) }

func chainID(diffIDs []string) string {
	list := make([]digest.Digest, len(diffIDs))
	for i, d := range diffIDs {
		list[i] = digest.Digest(d)
	}
	return identity.ChainID(list).String()
}

// follow finds what an image that was pulled needs by its manifest for the platform.
func (s *Store) follow(ctx context.Context, target ocispec.Descriptor, platform string) (need, error) {
	p, err := platforms.Parse(platform)
	if err != nil {
		return need{}, fmt.Errorf("reading platform %q: %w", platform, err)
	}
	gone := need{missing: []string{target.Digest.String()}}
	store := s.client.ContentStore()
	manifest, err := images.Manifest(ctx, store, target, platforms.Only(p))
	if errdefs.IsNotFound(err) {
		return gone, nil
	}
	if err != nil {
		return need{}, fmt.Errorf("reading the manifest %s: %w", target.Digest, plain(err))
	}
	n := need{blobs: []string{target.Digest.String(), manifest.Config.Digest.String()}, layers: map[string]bool{}}
	for _, layer := range manifest.Layers {
		n.blobs = append(n.blobs, layer.Digest.String())
		n.layers[layer.Digest.String()] = true
	}
	diffIDs, err := images.RootFS(ctx, store, manifest.Config)
	if err != nil && !errdefs.IsNotFound(err) {
		return need{}, fmt.Errorf("reading the configuration %s: %w", manifest.Config.Digest, plain(err))
	}
	for _, d := range diffIDs {
		n.diffIDs = append(n.diffIDs, d.String())
	}
	return n, nil
}

// present finds out which blobs are in the content store. Listing all of it is one call, and is faster than to ask for some dozens.
func (s *Store) present(ctx context.Context, blobs map[string]bool) error {
	if len(blobs) == 0 {
		return nil
	}
	err := s.client.ContentStore().Walk(ctx, func(info content.Info) error {
		if _, wanted := blobs[info.Digest.String()]; wanted {
			blobs[info.Digest.String()] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing content: %w", plain(err))
	}
	return nil
}

// unpacked asks which of the topmost snapshots are there.
func (s *Store) unpacked(ctx context.Context, needs map[string]*need) (map[string]bool, error) {
	there := map[string]bool{"": true}
	var chains []string
	for _, n := range needs {
		if chain := n.chain(); !slices.Contains(chains, chain) && chain != "" {
			chains = append(chains, chain)
		}
	}
	found := make([]bool, len(chains))
	err := aside(ctx, len(chains), func(ctx context.Context, i int) error {
		_, err := s.snapshots().Stat(ctx, chains[i])
		found[i] = err == nil
		if err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("asking %s for snapshot %s: %w", s.snapshotter, chains[i], plain(err))
		}
		return nil
	})
	for i, chain := range chains {
		there[chain] = found[i]
	}
	return there, err
}

// aside makes n calls, several side by side.
func aside(ctx context.Context, n int, call func(context.Context, int) error) error {
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(asideCalls)
	for i := range n {
		calls.Go(func() error { return call(ctx, i) })
	}
	return calls.Wait()
}
