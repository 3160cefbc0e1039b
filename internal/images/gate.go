package images

import (
	"context"
	"sync"
)

// gates let one at a time do what has a name. Two writers of one blob would otherwise meet in containerd, which waits for the first in a
// transaction that the first needs to end (content/local/store.go, 1.6 to 2.2).
type gates struct {
	mu   sync.Mutex
	shut map[string]chan struct{}
}

// enter waits until nobody else is in. The caller has to leave.
func (g *gates) enter(ctx context.Context, name string) (leave func(), err error) {
	for {
		g.mu.Lock()
		other, shut := g.shut[name]
		if !shut {
			mine := make(chan struct{})
			if g.shut == nil {
				g.shut = map[string]chan struct{}{}
			}
			g.shut[name] = mine
			g.mu.Unlock()
			return func() {
				g.mu.Lock()
				delete(g.shut, name)
				g.mu.Unlock()
				close(mine)
			}, nil
		}
		g.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
