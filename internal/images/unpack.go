package images

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// labelSnapshot names the snapshot that one under work is to become; containerd then knows that it is there already, in this namespace
// or in another (core/unpack).
const labelSnapshot = "containerd.io/snapshot.ref"

// unpack makes the snapshots of an image, each as soon as its layer is in the store.
func (r *run) unpack(ctx context.Context, w *whole) error {
	if len(w.layers) == 0 {
		return nil
	}
	if there, err := r.claimSnapshot(ctx, chainID(w.DiffIDs)); there || err != nil {
		return err
	}
	for i, layer := range w.layers {
		if err := layer.wait(ctx); err != nil {
			return err
		}
		if err := r.unpackLayer(ctx, layer, w.DiffIDs[:i+1]); err != nil {
			return fmt.Errorf("unpacking layer %s: %w", layer.Digest, plain(err))
		}
	}
	return nil
}

// claimSnapshot reports whether a snapshot is there, and puts it under our lease.
func (r *run) claimSnapshot(ctx context.Context, chain string) (bool, error) {
	_, err := r.snapshots().Stat(ctx, chain)
	if err == nil {
		lease, _ := leases.FromContext(ctx)
		err = r.client.LeasesService().AddResource(ctx, leases.Lease{ID: lease}, leases.Resource{ID: chain, Type: "snapshots/" + r.snapshotter})
	}
	if err == nil {
		_, err = r.snapshots().Stat(ctx, chain)
	}
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, plain(err)
}

// unpackLayer makes the topmost snapshot of diffIDs out of a layer. Those below are there.
func (r *run) unpackLayer(ctx context.Context, layer *blob, diffIDs []string) error {
	chain, parent := chainID(diffIDs), chainID(diffIDs[:len(diffIDs)-1])
	leave, err := r.gates.enter(ctx, "snapshot "+chain)
	if err != nil {
		return err
	}
	defer leave()
	sn := r.snapshots()
	key := fmt.Sprintf(snapshots.UnpackKeyFormat, rand.Text()[:12], chain)
	label := map[string]string{labelSnapshot: chain}
	var mounts []mount.Mount
	for range 3 { // as containerd does: the one that is there may go just now
		if mounts, err = sn.Prepare(ctx, key, parent, label); err == nil {
			break
		}
		if orphaned(err) {
			sweep(ctx, sn)
			continue
		}
		if !errdefs.IsAlreadyExists(err) {
			return err
		}
		if there, err := r.claimSnapshot(ctx, chain); there || err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	err = r.apply(ctx, layer, diffIDs[len(diffIDs)-1], mounts)
	if err == nil {
		err = sn.Commit(ctx, chain, key, label)
	}
	if err == nil {
		r.progress(func(p *Progress) { p.Unpacked++ })
		return nil
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanWithin)
	defer cancel()
	_ = sn.Remove(clean, key) // the lease's end does it otherwise
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// orphaned reports whether containerd found the directory of a new snapshot there already. One that is killed between naming the directory and committing
// its record leaves it without; the next one draws the same number and fails (plugins/snapshots/overlay, seen on 1.6.20 to 2.2.9).
func orphaned(err error) bool {
	return strings.Contains(err.Error(), "failed to rename") && strings.Contains(err.Error(), "file exists")
}

// sweep has a snapshotter remove directories that it knows nothing of, if it can.
func sweep(ctx context.Context, sn snapshotter) {
	_ = sn.Cleanup(ctx) // the attempt that follows shows whether it helped
}

// apply has containerd unpack a layer into mounts and compares what it unpacked.
func (r *run) apply(ctx context.Context, layer *blob, diffID string, mounts []mount.Mount) error {
	applied, err := r.client.Unpack(ctx, ocispec.Descriptor{
		MediaType: layer.MediaType, Digest: digest.Digest(layer.Digest), Size: layer.Size,
	}, mounts)
	if err != nil {
		return err
	}
	if applied.Digest.String() != diffID {
		return r.damaged(layer, fmt.Errorf("layer %s unpacked is %s, and the configuration says %s", layer.Digest, applied.Digest, diffID))
	}
	return nil
}
