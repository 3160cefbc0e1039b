package throttle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// However many read, no more bytes come than the limit allows, and no fewer. The clock is not the machine's.
func TestReader(t *testing.T) {
	for _, limit := range []int64{500, 10_000, 1_000_000, 100_000_000} {
		for _, readers := range []int{1, 3} {
			synctest.Test(t, func(t *testing.T) {
				l, size, began := New(limit), 20*int(limit), time.Now()
				var running sync.WaitGroup
				for range readers {
					running.Go(func() {
						got, err := io.Copy(io.Discard, l.Reader(t.Context(), bytes.NewReader(make([]byte, size/readers))))
						if err != nil || int(got) != size/readers {
							t.Errorf("%d bytes, %v", got, err)
						}
					})
				}
				running.Wait()
				if took := time.Since(began); took > 20*time.Second || took < 17*time.Second {
					t.Errorf("%d bytes at %d a second, read by %d, took %s", size, limit, readers, took)
				}
			})
		}
	}
}

// Whoever waits for his turn can be interrupted.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(stop) })
		began := time.Now()
		_, err := io.Copy(io.Discard, New(1).Reader(ctx, bytes.NewReader(make([]byte, 1<<20))))
		if !errors.Is(err, stop) || time.Since(began) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestNoLimit(t *testing.T) {
	r := bytes.NewReader(nil)
	if New(0).Reader(t.Context(), r) != io.Reader(r) {
		t.Error("something is in between")
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1500": 1500, "500k": 500_000, "10M": 10_000_000, "10Mi": 10 << 20, "1.5G": 1_500_000_000, "9E": 9e18, "99E": 0} {
		if got, err := Parse(text); got != want || err != nil {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "-1M", "fast", "10 M", "10MB/s", "0.5", "100m"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}
