package images

import (
	"context"

	imagesapi "github.com/containerd/containerd/api/services/images/v1"
	leasesapi "github.com/containerd/containerd/api/services/leases/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// imageRecords are the names of images, each with its target and labels.
type imageRecords struct{ imagesapi.ImagesClient }

func (c *client) ImageService() imageRecords {
	return imageRecords{imagesapi.NewImagesClient(c.conn)}
}

func imageOf(record *imagesapi.Image) images.Image {
	return images.Image{Name: record.GetName(), Labels: record.GetLabels(), Target: descriptorOf(record.GetTarget())}
}

func imageMessage(record images.Image) *imagesapi.Image {
	return &imagesapi.Image{Name: record.Name, Labels: record.Labels, Target: descriptorMessage(record.Target)}
}

func descriptorOf(d *types.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: d.GetMediaType(), Digest: digest.Digest(d.GetDigest()), Size: d.GetSize(), Annotations: d.GetAnnotations()}
}

func descriptorMessage(d ocispec.Descriptor) *types.Descriptor {
	return &types.Descriptor{MediaType: d.MediaType, Digest: d.Digest.String(), Size: d.Size, Annotations: d.Annotations}
}

// Get gives the record of a name.
func (r imageRecords) Get(ctx context.Context, name string) (images.Image, error) {
	answer, err := r.ImagesClient.Get(ctx, &imagesapi.GetImageRequest{Name: name})
	return imageOf(answer.GetImage()), errgrpc.ToNative(err)
}

// List gives all records of the namespace.
func (r imageRecords) List(ctx context.Context) ([]images.Image, error) {
	answer, err := r.ImagesClient.List(ctx, &imagesapi.ListImagesRequest{})
	var list []images.Image
	for _, record := range answer.GetImages() {
		list = append(list, imageOf(record))
	}
	return list, errgrpc.ToNative(err)
}

// Create makes a record.
func (r imageRecords) Create(ctx context.Context, record images.Image) (images.Image, error) {
	answer, err := r.ImagesClient.Create(ctx, &imagesapi.CreateImageRequest{Image: imageMessage(record)})
	return imageOf(answer.GetImage()), errgrpc.ToNative(err)
}

// Update changes of a record what fields name.
func (r imageRecords) Update(ctx context.Context, record images.Image, fields ...string) (images.Image, error) {
	answer, err := r.ImagesClient.Update(ctx, &imagesapi.UpdateImageRequest{
		Image: imageMessage(record), UpdateMask: &fieldmaskpb.FieldMask{Paths: fields},
	})
	return imageOf(answer.GetImage()), errgrpc.ToNative(err)
}

// Delete removes a record.
func (r imageRecords) Delete(ctx context.Context, name string, opts ...images.DeleteOpt) error {
	var how images.DeleteOptions
	for _, opt := range opts {
		if err := opt(ctx, &how); err != nil {
			return err
		}
	}
	_, err := r.ImagesClient.Delete(ctx, &imagesapi.DeleteImageRequest{Name: name, Sync: how.Synchronous})
	return errgrpc.ToNative(err)
}

// leaseService keeps things from the garbage collector.
type leaseService struct{ leasesapi.LeasesClient }

func (c *client) LeasesService() leaseService {
	return leaseService{leasesapi.NewLeasesClient(c.conn)}
}

// Create makes a lease.
func (l leaseService) Create(ctx context.Context, opts ...leases.Opt) (lease leases.Lease, err error) {
	for _, opt := range opts {
		if err := opt(&lease); err != nil {
			return lease, err
		}
	}
	_, err = l.LeasesClient.Create(ctx, &leasesapi.CreateRequest{ID: lease.ID, Labels: lease.Labels})
	return lease, errgrpc.ToNative(err)
}

// AddResource has a lease keep a thing.
func (l leaseService) AddResource(ctx context.Context, lease leases.Lease, what leases.Resource) error {
	_, err := l.LeasesClient.AddResource(ctx, &leasesapi.AddResourceRequest{
		ID: lease.ID, Resource: &leasesapi.Resource{ID: what.ID, Type: what.Type},
	})
	return errgrpc.ToNative(err)
}

// Delete ends a lease.
func (l leaseService) Delete(ctx context.Context, lease leases.Lease, opts ...leases.DeleteOpt) error {
	var how leases.DeleteOptions
	for _, opt := range opts {
		if err := opt(ctx, &how); err != nil {
			return err
		}
	}
	_, err := l.LeasesClient.Delete(ctx, &leasesapi.DeleteRequest{ID: lease.ID, Sync: how.Synchronous})
	return errgrpc.ToNative(err)
}
