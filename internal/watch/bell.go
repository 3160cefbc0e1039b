package watch

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maxCauses bounds what a bell remembers: it is for people, who want to know the first few.
const maxCauses = 8

// Bell gathers what rings it until somebody answers. The zero Bell is ready; it may be rung from several goroutines.
type Bell struct {
	mu     sync.Mutex
	causes []string
	rung   chan struct{}
}

// Ring says that there may be something to do, because of a path that changed, or of an event in a few words.
func (b *Bell) Ring(cause string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.causes) < maxCauses && !slices.Contains(b.causes, cause) {
		b.causes = append(b.causes, cause)
	}
	select {
	case b.channel() <- struct{}{}:
	default:
	}
}

// Rung has a value when the bell was rung since the last answer.
func (b *Bell) Rung() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.channel()
}

func (b *Bell) channel() chan struct{} {
	if b.rung == nil {
		b.rung = make(chan struct{}, 1)
	}
	return b.rung
}

// Answer gives the causes since the last answer, in the order in which they came first.
func (b *Bell) Answer() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.channel():
	default:
	}
	causes := b.causes
	b.causes = nil
	return causes
}

// Settle returns when the bell was not rung for a while, but not later than after atMost: what changes a file changes others, and does
// so more than once.
func (b *Bell) Settle(ctx context.Context, quiet, atMost time.Duration) {
	end := time.NewTimer(atMost)
	defer end.Stop()
	for {
		still := time.NewTimer(quiet)
		select {
		case <-b.Rung():
			still.Stop()
		case <-still.C:
			return
		case <-end.C:
			still.Stop()
			return
		case <-ctx.Done():
			still.Stop()
			return
		}
	}
}
