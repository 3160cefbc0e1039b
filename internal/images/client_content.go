package images

import (
	"context"
	"errors"
	"io"

	contentapi "github.com/containerd/containerd/api/services/content/v1"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// contentStore is the content store, but for writing: see [run.write].
type contentStore struct{ contentapi.ContentClient }

func (c *client) ContentStore() contentStore {
	return contentStore{contentapi.NewContentClient(c.conn)}
}

func contentInfo(info *contentapi.Info) content.Info {
	return content.Info{Digest: digest.Digest(info.GetDigest()), Size: info.GetSize(), Labels: info.GetLabels()}
}

// Info gives a blob's size and labels.
func (c contentStore) Info(ctx context.Context, d digest.Digest) (content.Info, error) {
	answer, err := c.ContentClient.Info(ctx, &contentapi.InfoRequest{Digest: d.String()})
	return contentInfo(answer.GetInfo()), errgrpc.ToNative(err)
}

// Update changes those labels of a blob that fields name.
func (c contentStore) Update(ctx context.Context, info content.Info, fields ...string) (content.Info, error) {
	answer, err := c.ContentClient.Update(ctx, &contentapi.UpdateRequest{
		Info:       &contentapi.Info{Digest: info.Digest.String(), Labels: info.Labels},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: fields},
	})
	return contentInfo(answer.GetInfo()), errgrpc.ToNative(err)
}

// Walk calls visit with each blob.
func (c contentStore) Walk(ctx context.Context, visit content.WalkFunc) error {
	ctx, cancel := context.WithCancel(ctx) // where visit ends it
	defer cancel()
	stream, err := c.List(ctx, &contentapi.ListContentRequest{})
	if err != nil {
		return errgrpc.ToNative(err)
	}
	return each(stream.Recv, func(answer *contentapi.ListContentResponse) error {
		for _, info := range answer.Info {
			if err := visit(contentInfo(info)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Abort drops what was written of a blob.
func (c contentStore) Abort(ctx context.Context, ref string) error {
	_, err := c.ContentClient.Abort(ctx, &contentapi.AbortRequest{Ref: ref})
	return errgrpc.ToNative(err)
}

// ReaderAt gives the bytes of a blob.
func (c contentStore) ReaderAt(ctx context.Context, blob ocispec.Descriptor) (content.ReaderAt, error) {
	info, err := c.Info(ctx, blob.Digest)
	return &contentReader{ctx, c, info}, err
}

// contentReader reads one blob.
type contentReader struct {
	ctx   context.Context // io.ReaderAt takes none
	store contentStore
	info  content.Info
}

func (r *contentReader) Size() int64  { return r.info.Size }
func (r *contentReader) Close() error { return nil }

func (r *contentReader) ReadAt(p []byte, offset int64) (n int, err error) {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	stream, err := r.store.Read(ctx, &contentapi.ReadContentRequest{Digest: r.info.Digest.String(), Offset: offset, Size: int64(len(p))})
	if err != nil {
		return 0, errgrpc.ToNative(err)
	}
	for n < len(p) {
		answer, err := stream.Recv()
		if err != nil {
			return n, errgrpc.ToNative(err)
		}
		n += copy(p[n:], answer.Data)
	}
	return n, nil
}

// each gives one message of a stream after the other to read, to the end.
func each[M any](receive func() (M, error), read func(M) error) error {
	for {
		message, err := receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = read(message)
		}
		if err != nil {
			return errgrpc.ToNative(err)
		}
	}
}
