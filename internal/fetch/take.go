package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// room makes sure that what is to come (-1: unknown) fits on the disk, and gives how much the archive will be in all.
func (d *download) room(length int64) (total int64, err error) {
	if length < 0 {
		return -1, nil
	}
	have, err := d.client.free(d.part.dir)
	if err != nil {
		return 0, fmt.Errorf("asking for the free space: %w", err)
	}
	if have < length {
		return 0, problem("make room there, or choose another --state-dir", nil,
			"fetching %s: %d MB are to come, and %q has only %d MB free", bare(d.url), megabytes(length), d.part.dir.Name(), have/1_000_000)
	}
	return d.part.size + length, nil
}

// take writes what comes, as it comes.
func (d *download) take(ctx context.Context, body io.Reader, total int64) error {
	if d.tell == nil {
		d.tell = func(int64, int64) {}
	}
	d.tell(d.part.size, total)
	body = d.client.Limit(body)
	buffer := make([]byte, 256<<10)
	for {
		if ctx.Err() != nil { // net/http may still have a lot in hand
			return d.broken(ctx, ctx.Err())
		}
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := d.part.Write(buffer[:n]); err != nil {
				return d.unwritten(err)
			}
			d.tell(d.part.size, total)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return d.broken(ctx, err)
		}
	}
}

// broken judges why nothing more comes.
func (d *download) broken(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		err = fmt.Errorf("%w (for %v)", errStalled, d.client.Stall)
	}
	return broken(d.url, err)
}

// unwritten judges why the disk does not take what came. A full one gets its space back: other things live there.
func (d *download) unwritten(err error) error {
	hint := ""
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		hint = "make room there, or choose another --state-dir"
		err = errors.Join(err, d.part.discard())
	}
	return problem(hint, err, "storing %s in %q", bare(d.url), d.part.dir.Name())
}

// watched is a body that must not be silent for longer than limit. It does not run while nobody reads.
type watched struct {
	body    io.Reader
	silence *time.Timer
	limit   time.Duration
}

func (w watched) Read(b []byte) (int, error) {
	w.silence.Reset(w.limit)
	defer w.silence.Stop()
	return w.body.Read(b)
}
