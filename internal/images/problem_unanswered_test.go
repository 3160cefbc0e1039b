package images

import (
	"errors"
	"fmt"
	"testing"

	"github.com/containerd/errdefs"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestUnanswered(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("no space left on device"), false},
		{errdefs.ErrNotFound, false},
		{status.Error(codes.Unavailable, "write unix: input/output error"), true},
		{fmt.Errorf("image a: %w", plain(status.Error(codes.Unavailable, "EOF"))), true},
		{&ImageError{Name: "a", Err: fmt.Errorf("connection error: %w", errdefs.ErrUnavailable)}, true},
	} {
		if got := Unanswered(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
