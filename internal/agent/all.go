package agent

import (
	"context"
	"fmt"
	"sync"
)

// PushAll brings an archive to all these nodes, to limit of them at a time (at least one). It gives an entry for each node: nil, or what
// [Agents.Push] said. A node that hangs holds up its own place only, and no longer than Limit and an eighth. tell, which may be nil, is
// called by several goroutines.
func (a Agents) PushAll(ctx context.Context, nodes []Node, limit int, body Body, tell func(node Node, sent int64)) map[string]error {
	results := make(map[string]error, len(nodes))
	var mu sync.Mutex
	var group sync.WaitGroup
	places := make(chan struct{}, max(limit, 1))
	for _, node := range nodes {
		group.Go(func() {
			err := a.inTurn(ctx, places, node, body, tell)
			mu.Lock()
			defer mu.Unlock()
			results[node.Name] = err
		})
	}
	group.Wait()
	return results
}

// inTurn pushes when a place is free.
func (a Agents) inTurn(ctx context.Context, places chan struct{}, node Node, body Body, tell func(node Node, sent int64)) error {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return fmt.Errorf("pushing to node %q: %w", node.Name, context.Cause(ctx))
	}
	var one func(int64)
	if tell != nil {
		one = func(sent int64) { tell(node, sent) }
	}
	return a.Push(ctx, node, body, one)
}
