package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
)

// A node that says no gets nothing of the archive.
func TestNothingSentToNo(t *testing.T) {
	f := newFarm(t, drain)
	f.there[0].Token = "another"
	big := make([]byte, 8<<20)
	err := f.Push(patient(t), f.nodes[0], bytesOf(big), func(sent int64) { t.Errorf("%d bytes are on their way", sent) })
	if !errors.Is(err, ErrUnauthorized) {
		t.Error(err)
	}
}

// An answer that comes while the archive is on its way is not lost in the connection that the agent then closes.
func TestEarlyAnswer(t *testing.T) {
	f := newFarm(t, failing)
	err := f.Push(patient(t), f.nodes[0], bytesOf(make([]byte, 32<<20)), nil)
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "exit status 1") {
		t.Error(err)
	}
}

// gate gives one half of an archive, and the other when the node has got the first.
type gate struct {
	given int
	half  []byte
	there <-chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	switch {
	case g.given == 2*len(g.half):
		return 0, io.EOF
	case g.given == len(g.half):
		<-g.there
	}
	n := copy(p, g.half[g.given%len(g.half):])
	g.given += n
	return n, nil
}

func TestStreams(t *testing.T) {
	half := make([]byte, 1<<20)
	there := make(chan struct{})
	f := newFarm(t, func(ctx context.Context, tar io.Reader) error {
		if _, err := io.ReadFull(tar, make([]byte, len(half)/2)); err != nil {
			return err
		}
		close(there)
		return drain(ctx, tar)
	})
	body := func() (io.ReadCloser, int64, error) {
		return io.NopCloser(&gate{half: half, there: there}), int64(2 * len(half)), nil
	}
	if err := f.Push(patient(t), f.nodes[0], body, nil); err != nil {
		t.Fatal(err)
	}
}

// A gigabyte to two nodes at a time takes a few buffers.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("pushes 2 GiB")
	}
	sparse, err := os.Create(t.TempDir() + "/images.tar")
	if err != nil {
		t.Fatal(err)
	}
	defer sparse.Close()
	if err := sparse.Truncate(1 << 30); err != nil {
		t.Fatal(err)
	}
	body := func() (io.ReadCloser, int64, error) {
		file, err := os.Open(sparse.Name())
		return file, 1 << 30, err
	}
	count := func(_ context.Context, tar io.Reader) error {
		n, err := io.Copy(io.Discard, tar)
		if err == nil && n != 1<<30 {
			err = fmt.Errorf("%d bytes", n)
		}
		return err
	}
	f := newFarm(t, count, count)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, err := range f.PushAll(patient(t), f.nodes, 2, body, nil) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	runtime.ReadMemStats(&after)
	// All that was ever allocated, by both ends and whether it was freed or not.
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 64 {
		t.Errorf("%d MiB were allocated", got)
	} else {
		t.Logf("%d MiB were allocated", got)
	}
}
