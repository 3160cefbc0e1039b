package agent

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// Body opens the archive once more and says how many bytes it has, -1 where that is not known. It is called once for each node, by several
// goroutines at a time; what it gives is read by one, and closed when nobody reads it. It is to give the tar itself, decompressed: ctr of containerd 1.6, which is
// that of MicroK8s 1.25 to 1.29, does not decompress what it reads from its input (seen on 1.6.20: "invalid tar header").
type Body func() (io.ReadCloser, int64, error)

// feed is an archive on its way to one node. It counts, and keeps the archive's own faults apart from those of the connection.
type feed struct {
	from io.ReadCloser
	size int64
	tell func(sent int64)

	mu      sync.Mutex
	sent    int64
	err     error // what went wrong with the archive itself
	ended   bool  // nobody wants more of it
	reading bool
	closed  bool
}

var (
	errEnded = errors.New("no more of the archive is wanted")
	errEmpty = errors.New("it is empty")
)

func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	if f.ended {
		f.mu.Unlock()
		return 0, errEnded
	}
	f.reading = true
	f.mu.Unlock()
	n, err := f.from.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = false
	if f.closed {
		_ = f.from.Close()
	}
	if f.ended {
		return 0, errEnded
	}
	f.sent += int64(n)
	switch {
	case f.size >= 0 && f.sent > f.size:
		f.err = fmt.Errorf("it has more than the %d bytes that it had", f.size)
	case errors.Is(err, io.EOF) && f.sent < f.size:
		f.err = fmt.Errorf("it ended after %d of %d bytes", f.sent, f.size)
	case errors.Is(err, io.EOF) && f.sent == 0:
		f.err = errEmpty
	case err != nil && !errors.Is(err, io.EOF):
		f.err = err
	}
	if f.err != nil {
		return 0, f.err
	}
	if f.tell != nil && n > 0 {
		f.tell(f.sent)
	}
	return n, err
}

// progress says in words how far it got.
func (f *feed) progress(sent int64) string {
	if f.size < 0 {
		return fmt.Sprintf("%d bytes", sent)
	}
	return fmt.Sprintf("%d of %d bytes", sent, f.size)
}

// Close closes the archive, or leaves that to a Read that is under way: HTTP/2's transport closes a body while it reads it, and a
// decompressor does not bear that.
func (f *feed) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := !f.closed
	f.ended, f.closed = true, true
	if first && !f.reading {
		return f.from.Close()
	}
	return nil
}

// end says how far it got. The connection may still read a little when an answer came early; nothing is told of that any more.
func (f *feed) end() (sent int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	return f.sent, f.err
}
