package images

import (
	"context"

	diffapi "github.com/containerd/containerd/api/services/diff/v1"
	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs/pkg/errgrpc"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// snapshotter is one of containerd's.
type snapshotter struct {
	snapshotsapi.SnapshotsClient
	name string
}

func (c *client) SnapshotService(name string) snapshotter {
	return snapshotter{snapshotsapi.NewSnapshotsClient(c.conn), name}
}

// Stat gives the names of a snapshot and of what it stands on.
func (s snapshotter) Stat(ctx context.Context, key string) (snapshots.Info, error) {
	answer, err := s.SnapshotsClient.Stat(ctx, &snapshotsapi.StatSnapshotRequest{Snapshotter: s.name, Key: key})
	return snapshots.Info{Name: answer.GetInfo().GetName(), Parent: answer.GetInfo().GetParent()}, errgrpc.ToNative(err)
}

// Prepare makes a snapshot that can be written to, and gives its mounts.
func (s snapshotter) Prepare(ctx context.Context, key, parent string, labels map[string]string) ([]mount.Mount, error) {
	answer, err := s.SnapshotsClient.Prepare(ctx, &snapshotsapi.PrepareSnapshotRequest{Snapshotter: s.name, Key: key, Parent: parent, Labels: labels})
	return mount.FromProto(answer.GetMounts()), errgrpc.ToNative(err)
}

// Commit gives what Prepare made its name, under which it does not change any more.
func (s snapshotter) Commit(ctx context.Context, name, key string, labels map[string]string) error {
	_, err := s.SnapshotsClient.Commit(ctx, &snapshotsapi.CommitSnapshotRequest{Snapshotter: s.name, Name: name, Key: key, Labels: labels})
	return errgrpc.ToNative(err)
}

// Remove removes a snapshot.
func (s snapshotter) Remove(ctx context.Context, key string) error {
	_, err := s.SnapshotsClient.Remove(ctx, &snapshotsapi.RemoveSnapshotRequest{Snapshotter: s.name, Key: key})
	return errgrpc.ToNative(err)
}

// Cleanup removes from the disk what belongs to no snapshot.
func (s snapshotter) Cleanup(ctx context.Context) error {
	_, err := s.SnapshotsClient.Cleanup(ctx, &snapshotsapi.CleanupRequest{Snapshotter: s.name})
	return errgrpc.ToNative(err)
}

// Unpack writes a layer into what is mounted, and gives what it is unpacked.
func (c *client) Unpack(ctx context.Context, layer ocispec.Descriptor, mounts []mount.Mount) (ocispec.Descriptor, error) {
	answer, err := diffapi.NewDiffClient(c.conn).Apply(ctx, &diffapi.ApplyRequest{Diff: descriptorMessage(layer), Mounts: mount.ToProto(mounts)})
	return descriptorOf(answer.GetApplied()), errgrpc.ToNative(err)
}
