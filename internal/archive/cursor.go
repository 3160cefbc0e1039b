package archive

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
)

// maxTar bounds the tar below a compression: 128 GiB. A few MB of zstd can stand for a hundred times as much.
const maxTar = 128 << 30

// windowSize is how much of a plain file is read at once.
const windowSize = 8 << 10

// cursor reads a tar front to back and knows where it is. It is an io.Seeker for the sake of archive/tar, which skips by it: that costs
// nothing in a plain file and decompression in a compressed one.
type cursor struct {
	ctx    context.Context
	plain  io.ReaderAt   // the file; nil if it is compressed
	size   int64         // of the plain file
	stream io.ReadCloser // of a compressed one
	offset int64
	first  int64  // offset of the first whole block read since mark; -1: none yet
	failed error  // of the file or of the decompressor, not of the tar
	source *file  // of a compressed one
	keep   []byte // if not nil: the beginning of the tar, up to its capacity
	buf    []byte
}

func newCursor(ctx context.Context, r io.ReaderAt, size int64, c Compression) (*cursor, error) {
	at := &cursor{ctx: ctx, first: -1}
	if c == Plain {
		at.plain, at.size = r, size
		return at, nil
	}
	at.source = &file{r: io.NewSectionReader(r, 0, size)}
	stream, err := decompress(bufio.NewReaderSize(at.source, 64<<10), c)
	if err != nil {
		if at.source.failed != nil {
			return nil, at.source.failed
		}
		return nil, broken(c, 0, err)
	}
	at.stream = stream
	return at, nil
}

// close lets the decompressor go. It has nothing to say then that it has not said before.
func (c *cursor) close() {
	if c.stream != nil {
		_ = c.stream.Close()
	}
}

// mark makes the next block that is read the first one.
func (c *cursor) mark() { c.first = -1 }

func (c *cursor) Read(p []byte) (n int, err error) {
	if c.failed != nil {
		return 0, c.failed
	}
	if c.first < 0 && len(p) == block {
		// After the rest of an entry, which is skipped by one byte, and its padding, which is less than a block.
		c.first = c.offset
	}
	switch {
	case c.ctx.Err() != nil:
		err = c.ctx.Err()
	case c.plain == nil && c.offset >= maxTar:
		err = problem(saveAgain, "the tar is more than %d GiB when decompressed", maxTar>>30)
	case c.plain == nil:
		n, err = c.stream.Read(p)
	case c.offset >= c.size:
		err = io.EOF
	default:
		p = p[:min(int64(len(p)), c.size-c.offset)]
		if n, err = c.plain.ReadAt(p, c.offset); n == len(p) {
			err = nil
		} else if errors.Is(err, io.EOF) {
			err = problem(copyAgain, "the file has become shorter while it was read")
		}
	}
	c.offset += int64(n)
	if room := cap(c.keep) - len(c.keep); room > 0 {
		c.keep = append(c.keep, p[:min(n, room)]...)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.failed = err
	}
	return n, err
}

// Seek skips n bytes. Only archive/tar calls it, forwards and from where it is; beyond the end it is the next read that fails.
func (c *cursor) Seek(n int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || n < 0 || n > math.MaxInt64-c.offset {
		return -1, errors.New("seeking to nowhere")
	}
	err := c.skip(n)
	return c.offset, err
}

// skip reads n bytes for nothing.
func (c *cursor) skip(n int64) error {
	if c.plain != nil {
		c.offset += n
		return nil
	}
	if c.buf == nil {
		c.buf = make([]byte, 64<<10)
	}
	defer func(first int64) { c.first = first }(c.first)
	for n > 0 {
		m, err := c.Read(c.buf[:min(n, int64(len(c.buf)))])
		n -= int64(m)
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return io.ErrUnexpectedEOF
		case err != nil && n > 0:
			return err
		}
	}
	return nil
}

// file keeps the errors of a file apart from those of the decompressor that reads it.
type file struct {
	r      io.Reader
	failed error
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.failed = err
	}
	return n, err
}

// patient is a reader that can be called off.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(data []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(data)
}

// window reads a little more than it is asked for, and remembers it: in a tar of small files the next header is near.
type window struct {
	r      io.ReaderAt
	size   int64
	buf    []byte
	offset int64
}

func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if len(p) > windowSize {
		return w.r.ReadAt(p, off)
	}
	if off < w.offset || off+int64(len(p)) > w.offset+int64(len(w.buf)) {
		w.buf = w.buf[:cap(w.buf)]
		if w.buf == nil {
			w.buf = make([]byte, windowSize)
		}
		w.offset = off
		n, err := w.r.ReadAt(w.buf[:max(0, min(windowSize, w.size-off))], off)
		w.buf = w.buf[:n]
		if n < len(p) {
			return copy(p, w.buf), cmp.Or(err, io.EOF)
		}
	}
	return copy(p, w.buf[off-w.offset:]), nil
}
