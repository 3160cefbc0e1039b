package images

import (
	"context"
	"path"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// imageServices are the names of the CRI's service for images, newest first. containerd 1.5 has the second only.
var imageServices = []string{"runtime.v1", "runtime.v1alpha2"}

// message is one of the CRI (k8s.io/cri-api, runtime/v1/api.proto) as it goes over the wire. Three calls are all that is needed of it.
type message []byte

// wire stands in for grpc's codec of the same name.
type wire struct{}

func (wire) Name() string                  { return "proto" }
func (wire) Marshal(v any) ([]byte, error) { return *v.(*message), nil }
func (wire) Unmarshal(data []byte, v any) error {
	*v.(*message) = append(message(nil), data...)
	return nil
}

// callCRI calls a method of the CRI's ImageService by whichever name containerd knows it.
func (s *Store) callCRI(ctx context.Context, method string, request message) (response message, err error) {
	for _, service := range imageServices {
		err = s.conn.Invoke(ctx, "/"+service+".ImageService/"+method, &request, &response, grpc.ForceCodec(wire{}))
		if status.Code(err) != codes.Unimplemented {
			break
		}
	}
	return response, err
}

// field gives every value of a field of bytes.
func (m message) field(number protowire.Number) []message {
	var values []message
	for len(m) > 0 {
		field, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			return values
		}
		m = m[n:]
		if field == number && kind == protowire.BytesType {
			value, length := protowire.ConsumeBytes(m)
			if length < 0 {
				return values
			}
			values = append(values, value)
		}
		if n = protowire.ConsumeFieldValue(field, kind, m); n < 0 {
			return values
		}
		m = m[n:]
	}
	return values
}

// first gives the value at a path of fields; nil where there is none.
func (m message) first(path ...protowire.Number) message {
	for _, number := range path {
		values := m.field(number)
		if len(values) == 0 {
			return nil
		}
		m = values[0]
	}
	return m
}

// with is a message that holds m as its field of that number.
func (m message) with(number protowire.Number) message {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), m)
}

// imageDirectory asks where the CRI's default snapshotter has its things (ImageFsInfoResponse.image_filesystems[0].fs_id.mountpoint).
func (s *Store) imageDirectory(ctx context.Context) (string, error) {
	answer, err := s.callCRI(ctx, "ImageFsInfo", nil)
	return string(answer.first(1, 2, 1)), err
}

// snapshotterOf reads a snapshotter's name out of its directory, ROOT/io.containerd.snapshotter.v1.NAME.
func snapshotterOf(directory, otherwise string) string {
	if name, ok := strings.CutPrefix(path.Base(directory), "io.containerd.snapshotter.v1."); ok {
		return name
	}
	return otherwise
}

// seen is an image as the CRI has it: its ID, which is the digest of the configuration, and its names. ID is empty where it does
// not have it.
func (s *Store) seen(ctx context.Context, name string) (id string, names []string, err error) {
	answer, err := s.callCRI(ctx, "ImageStatus", message(name).with(1).with(1))
	if err != nil {
		return "", nil, err
	}
	image := answer.first(1)
	for _, n := range append(image.field(2), image.field(3)...) {
		names = append(names, string(n))
	}
	return string(image.first(1)), names, nil
}

// appear waits until the CRI has an image by that ID: it learns of records by containerd's events. It is no error if there is no CRI.
func (s *Store) appear(ctx context.Context, name, id string) error {
	ctx, cancel := context.WithTimeout(ctx, appearWithin)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		got, _, err := s.seen(ctx, name)
		if got == id || status.Code(err) == codes.Unimplemented {
			return nil
		}
		select {
		case <-ctx.Done():
			return &UnseenError{Name: name, Got: got, Err: err}
		case <-again.C:
		}
	}
}

// appearWithin bounds how long the CRI may take to learn of a record.
const appearWithin = 10 * time.Second
