package images

import (
	"context"
	"fmt"

	contentapi "github.com/containerd/containerd/api/services/content/v1"
	"github.com/containerd/containerd/v2/defaults"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/plugins"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/regsync/regsync/internal/runtime"
)

// Labels of an image's record.
const (
	labelManaged = "io.cri-containerd.image"  // managed: the CRI sees it
	labelPinned  = "io.cri-containerd.pinned" // pinned: kubelet's image garbage collection leaves it alone

	// LabelSource is ours. It names what brought the image: the absolute path of an archive, or [FromRegistry].
	LabelSource = "regsync.dev/source"

	// FromRegistry is the source of an image that was pulled.
	FromRegistry = "registry"
)

// ofCRI is the namespace that the CRI works in, always.
const ofCRI = "k8s.io"

// Store is containerd's image store, of one namespace.
type Store struct {
	conn      *grpc.ClientConn
	client    client
	blobs     contentapi.ContentClient
	namespace string

	gates gates // of blobs and snapshots, by their digests

	snapshotter string            // that the CRI starts containers from
	roots       map[string]string // directories on the node: of the content store under "", of snapshotters by their name
}

// Open connects to the containerd whose socket is at an absolute path, and asks for its snapshotter.
// An empty namespace is k8s.io, the CRI's.
func Open(ctx context.Context, socket, namespace string) (*Store, error) {
	if namespace == "" {
		namespace = ofCRI
	}
	conn, err := dial(socket)
	if err != nil {
		return nil, err
	}
	s := &Store{conn: conn, client: client{conn}, blobs: contentapi.NewContentClient(conn), namespace: namespace}
	if err := s.survey(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("asking containerd at %q: %w", socket, plain(err))
	}
	return s, nil
}

// dial connects to the containerd whose socket is at an absolute path, at the first call. Messages may be as large as containerd allows.
func dial(socket string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	return runtime.Dial(socket, append(opts, grpc.WithDefaultCallOptions(
		grpc.MaxCallRecvMsgSize(defaults.DefaultMaxRecvMsgSize), grpc.MaxCallSendMsgSize(defaults.DefaultMaxSendMsgSize)))...)
}

// Close ends the connection.
func (s *Store) Close() error { return s.conn.Close() }

// survey asks which snapshotter the CRI uses and where things lie. The CRI tells the directory of its default snapshotter in all
// versions (ImageFsInfo), its config only in 1.x. Without a CRI it is overlayfs, the CRI's default.
func (s *Store) survey(ctx context.Context) error {
	loaded, err := s.client.Plugins(ctx,
		"type=="+plugins.SnapshotPlugin.String(), "type=="+plugins.ContentPlugin.String())
	if err != nil {
		return err
	}
	s.roots = map[string]string{}
	for _, p := range loaded {
		name := p.ID
		if p.Type == plugins.ContentPlugin.String() {
			name = ""
		}
		if root := p.Exports["root"]; root != "" {
			s.roots[name] = root
		}
	}
	s.snapshotter = defaults.DefaultSnapshotter
	directory, err := s.imageDirectory(ctx)
	if status.Code(err) == codes.Unimplemented {
		return nil
	}
	if err != nil { // it may not be ready yet
		return fmt.Errorf("asking the CRI for its snapshotter: %w", plain(err))
	}
	for name, root := range s.roots {
		if root == directory {
			s.snapshotter = name
			return nil
		}
	}
	s.snapshotter = snapshotterOf(directory, s.snapshotter)
	return nil
}

// in is ctx for calls about the store's namespace.
func (s *Store) in(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, s.namespace)
}

func (s *Store) snapshots() snapshotter { return s.client.SnapshotService(s.snapshotter) }
