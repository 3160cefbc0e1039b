package images

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/regsync/regsync/render"
)

// ErrForeign says that a record does not carry our label, and is therefore not removed.
var ErrForeign = errors.New("the image was not brought by regsync")

// ImageError is what kept one image from being complete. The others of the same import are not concerned.
type ImageError struct {
	Name string
	Err  error
}

func (e *ImageError) Error() string { return fmt.Sprintf("image %s: %v", e.Name, e.Err) }
func (e *ImageError) Unwrap() error { return e.Err }

// DamagedError says that an archive does not hold the bytes that it promises.
type DamagedError struct {
	Archive string
	Digest  string // of the blob
	Err     error  // names the blob
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("archive %q: %v", e.Archive, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// Advice is what to do about it.
func (e *DamagedError) Advice() string {
	return "the archive was changed on its way: copy it again and compare its sha256 with that of the source"
}

// SpaceError says that a file system of the node is too small for what is missing.
type SpaceError struct {
	Path string // of containerd's directory on it
	Need int64  // bytes, at least: compressed layers are counted as they are
	Free int64  // bytes
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("no space below %q: at least %s needed, %s free", e.Path, render.Size(e.Need), render.Size(e.Free))
}

// InUseError says that an image is not removed because containers use it.
type InUseError struct {
	Name  string
	Users []string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("image %s is used by container %s", e.Name, strings.Join(e.Users, ", "))
}

// UnseenError says that an image is complete in the store, and that the CRI has it not, or has another by that name.
type UnseenError struct {
	Name string
	Got  string // the ID that the CRI has under that name, if any
	Err  error
}

func (e *UnseenError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("asking the CRI for %s: %v", e.Name, e.Err)
	case e.Got != "":
		return fmt.Sprintf("%s is in the store, and the CRI still has %s under that name", e.Name, e.Got)
	}
	return e.Name + " is in the store, and the CRI does not see it"
}
func (e *UnseenError) Unwrap() error { return e.Err }

// UnreachableError says that no endpoint gave a registry's digest for a reference.
type UnreachableError struct {
	Reference string
	Err       error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("resolving %s: %v", e.Reference, e.Err)
}
func (e *UnreachableError) Unwrap() error { return e.Err }

// Unanswered reports whether an error means that containerd may have done what it was asked for, and did not come to say so.
func Unanswered(err error) bool {
	return errdefs.IsUnavailable(err) || status.Code(err) == codes.Unavailable
}

// plain takes gRPC's wrapping off an error that a person reads, and leaves the cause to be asked for.
func plain(err error) error {
	if s, ok := status.FromError(err); ok && err != nil {
		return &callError{s.Message(), err}
	}
	return err
}

type callError struct {
	message string
	err     error
}

func (e *callError) Error() string { return e.message }
func (e *callError) Unwrap() error { return e.err }
