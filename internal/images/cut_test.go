package images

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// cut calls its function when so many bytes of one blob were given, and lets no more be given before it returns.
func cut(from *archive, digest string, after int64, do func()) {
	var once sync.Once
	from.wrap = func(d string, r io.Reader) io.Reader {
		if d != digest {
			return r
		}
		return &stopping{r: r, left: after, do: func() { once.Do(do) }}
	}
}

type stopping struct {
	r    io.Reader
	left int64
	do   func()
}

func (s *stopping) Read(p []byte) (int, error) {
	if s.left <= 0 {
		s.do()
	} else {
		p = p[:min(int64(len(p)), s.left)]
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	return n, err
}

// An import that was cut off leaves nothing to be seen, and the next writes what is missing.
func TestImportCutOff(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		const name = "harbor.lab/app:1"
		from := newArchive()
		image := from.image(t, layer(t, 1_000_000), layer(t, 9_000_000))
		want := named(image, name)
		last := image.Content[3]

		ctx, cancel := context.WithCancel(t.Context())
		cut(from, last.Digest, 6_000_000, cancel)
		if err := n.Import(ctx, from, want, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("not said to be cancelled: %v", err)
		}
		if live := n.look(t, want); len(live) != 0 {
			t.Errorf("to be seen: %v", live)
		}
		if seen, err := n.CRI.Images(t.Context()); err != nil || len(seen) != 0 {
			t.Errorf("seen by the CRI: %v, %v", seen, err)
		}

		// containerd is killed, at once and by its own number.
		cut(from, last.Digest, 6_000_000, func() {
			if err := syscall.Kill(n.Pid(), syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		})
		if err := n.Import(t.Context(), from, want, nil); err == nil {
			t.Error("complete with a containerd that is gone")
		}
		n.stop()
		n.start(t)
		if live := n.look(t, want); len(live) != 0 {
			t.Errorf("to be seen: %v", live)
		}

		from.wrap = nil
		if written := n.bring(t, from, want); written >= last.Size {
			t.Errorf("%d bytes written, of which at most %d were missing", written, last.Size)
		}
		n.converged(t, want)
	})
}

// What was written of a blob and has come to harm does not spoil the next import.
func TestImportAfterHarm(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		const name = "harbor.lab/app:1"
		from := newArchive()
		image := from.image(t, layer(t, 9_000_000))
		last := image.Content[2]
		ctx, cancel := context.WithCancel(t.Context())
		right := from.blobs[last.Digest]
		from.blobs[last.Digest] = append([]byte{^right[0]}, right[1:]...)
		cut(from, last.Digest, 6_000_000, cancel)
		if err := n.Import(ctx, from, named(image, name), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("not said to be cancelled: %v", err)
		}
		from.wrap = nil
		from.blobs[last.Digest] = right
		n.bring(t, from, named(image, name))
		n.converged(t, named(image, name))
	})
}

// A file system that is too small is said with the figures, before anything is written.
func TestSpace(t *testing.T) {
	dir := t.TempDir()
	err := fits(place{dir, 1 << 60}, place{dir, 1 << 60})
	var space *SpaceError
	if !errors.As(err, &space) || space.Path != dir || space.Need < 1<<60 || space.Free <= 0 {
		t.Errorf("%v", err)
	}
	if err := fits(place{dir, 1}, place{"", 1 << 60}, place{dir + "/gone", 1 << 60}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}

// A containerd that was killed while it made a snapshot may leave its directory without a record, on which the next one fails.
func TestOrphan(t *testing.T) {
	eachContainerd(t, func(t *testing.T, n *node) {
		from := newArchive()
		first := from.image(t, layer(t, 1000))
		n.bring(t, from, named(first, "harbor.lab/first:1"))
		for next := 2; next < 5; next++ {
			dir := filepath.Join(n.dir, "containerd", "io.containerd.snapshotter.v1.overlayfs", "snapshots", strconv.Itoa(next), "fs")
			if err := os.MkdirAll(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
		want := both(named(from.image(t, layer(t, 2000)), "harbor.lab/a:1"), named(from.image(t, layer(t, 3000), layer(t, 10)), "harbor.lab/b:1"))
		n.bring(t, from, want)
		n.converged(t, want)
		for name, image := range both(want, named(first, "harbor.lab/first:1")) {
			if err := n.Remove(t.Context(), name, image); err != nil {
				t.Fatal(err)
			}
		}
		n.empty(t)
	})
}
