package agent

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
)

// After the end nothing is told any more, though the connection may go on reading for a moment.
func TestFeedEnds(t *testing.T) {
	told := 0
	f := &feed{from: io.NopCloser(strings.NewReader("abcdef")), size: 6, tell: func(int64) { told++ }}
	if n, err := f.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if sent, err := f.end(); sent != 2 || err != nil {
		t.Error(sent, err)
	}
	if n, err := f.Read(make([]byte, 2)); n != 0 || !errors.Is(err, errEnded) {
		t.Error(n, err)
	}
	if sent, err := f.end(); sent != 2 || err != nil || told != 1 {
		t.Error(sent, err, told)
	}
}

// slow is an archive whose first read waits for release, and that must not be closed meanwhile.
type slow struct {
	begun, release chan struct{}
	reading        atomic.Bool
	closed         atomic.Int32
	early          atomic.Bool
}

func (s *slow) Read([]byte) (int, error) {
	s.reading.Store(true)
	close(s.begun)
	<-s.release
	s.reading.Store(false)
	return 1, nil
}

func (s *slow) Close() error {
	s.closed.Add(1)
	if s.reading.Load() {
		s.early.Store(true)
	}
	return nil
}

func TestFeedClosesWhenNobodyReads(t *testing.T) {
	s := &slow{begun: make(chan struct{}), release: make(chan struct{})}
	f := &feed{from: s, size: 10}
	read := make(chan error)
	go func() {
		_, err := f.Read(make([]byte, 1))
		read <- err
	}()
	<-s.begun
	f.Close()
	f.Close()
	if s.closed.Load() != 0 {
		t.Error("closed under a read")
	}
	close(s.release)
	if err := <-read; !errors.Is(err, errEnded) {
		t.Error(err)
	}
	if s.closed.Load() != 1 || s.early.Load() {
		t.Errorf("closed %d times, early: %v", s.closed.Load(), s.early.Load())
	}

	f = &feed{from: io.NopCloser(bytes.NewReader(nil)), size: 10}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, errEnded) {
		t.Error(err)
	}
}
