// Package throttle bounds how many bytes a second come from somewhere, all readers together. What is read in between is kept small, so that bytes
// flow, and whoever waits for silence to end a connection is not misled.
package throttle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Limit is a number of bytes a second, for all of its readers together. Of a nil Limit there are as many as come.
type Limit struct {
	bucket *rate.Limiter
	most   int // bytes that are read at once
}

// How much is read at once: what comes in a quarter of a second, but not less, and not more, than this.
const (
	leastRead = 1 << 10
	mostRead  = 64 << 10
)

// New makes a limit; nil where there is none (0).
func New(bytesPerSecond int64) *Limit {
	if bytesPerSecond <= 0 {
		return nil
	}
	most := int(min(max(bytesPerSecond/4, leastRead), mostRead))
	return &Limit{rate.NewLimiter(rate.Limit(bytesPerSecond), most), most}
}

// Parse reads a number of bytes: 1500000, or as Kubernetes writes quantities, 10M (ten million) or 10Mi.
func Parse(text string) (int64, error) {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return 0, errors.New("it must be a number of bytes a second, such as 500k, 10M or 10Mi")
	}
	n, whole := q.AsInt64()
	switch {
	case q.Sign() < 0 || !whole && q.CmpInt64(math.MaxInt64) <= 0:
		return 0, fmt.Errorf("%s is no number of bytes a second", text)
	case !whole:
		return 0, nil // more than there can be is no limit
	}
	return n, nil
}

// Reader gives a reader that keeps to the limit. It ends when ctx does.
func (l *Limit) Reader(ctx context.Context, r io.Reader) io.Reader {
	if l == nil {
		return r
	}
	return &reader{l, ctx, r}
}

type reader struct {
	*Limit
	ctx  context.Context
	from io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b[:min(len(b), r.most)])
	if waited := r.bucket.WaitN(r.ctx, n); waited != nil {
		return n, context.Cause(r.ctx)
	}
	return n, err
}
