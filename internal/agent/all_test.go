package agent

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
)

func TestPushAll(t *testing.T) {
	var at, most atomic.Int32
	both := make(chan struct{}, 1)
	meet := make(chan struct{})
	load := func(ctx context.Context, tar io.Reader) error {
		defer at.Add(-1)
		now := at.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		if now == 2 {
			select {
			case both <- struct{}{}:
				close(meet)
			default:
			}
		}
		<-meet // nobody goes on before two are here at a time
		return drain(ctx, tar)
	}
	f := newFarm(t, load, load, load, load, load, load)
	results := f.PushAll(patient(t), f.nodes, 2, small, nil)
	for _, n := range f.nodes {
		if err, ok := results[n.Name]; !ok || err != nil {
			t.Errorf("%s: %v %v", n.Name, ok, err)
		}
	}
	if most.Load() != 2 {
		t.Errorf("%d at a time", most.Load())
	}
}

// A node that hangs holds up none of the others: it goes on hanging until all of them are done.
func TestHangingNode(t *testing.T) {
	var done atomic.Int32
	all := make(chan struct{})
	hanging := func(_ context.Context, tar io.Reader) error {
		<-all
		return errors.New("exit status 1")
	}
	load := func(ctx context.Context, tar io.Reader) error {
		if done.Add(1) == 4 {
			close(all)
		}
		return drain(ctx, tar)
	}
	f := newFarm(t, hanging, load, load, load, load)
	results := f.PushAll(patient(t), f.nodes, 2, small, nil)
	for _, n := range f.nodes {
		if err := results[n.Name]; (n.Name == "node-0") != errors.Is(err, ErrRefused) || n.Name != "node-0" && err != nil {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
}

// When the caller wants no more, what is under way ends and what waits does not begin.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(patient(t))
	f := newFarm(t, func(ctx context.Context, tar io.Reader) error {
		io.ReadFull(tar, make([]byte, 100))
		cancel()
		<-ctx.Done() // the agent sees it too: the connection is gone
		return ctx.Err()
	}, drain)
	results := f.PushAll(ctx, f.nodes[:1], 1, bytesOf(make([]byte, 8<<20)), nil)
	for name, err := range f.PushAll(ctx, f.nodes[1:], 1, small, nil) {
		results[name] = err
	}
	for _, n := range f.nodes {
		var fault *Fault
		if err := results[n.Name]; !errors.Is(err, context.Canceled) || errors.As(err, &fault) {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
	if asked := f.there[1].Requests(); len(asked) > 0 {
		t.Errorf("the second node was asked: %q", asked)
	}
}

func TestNoNodes(t *testing.T) {
	f := newFarm(t)
	if results := f.PushAll(patient(t), nil, 0, small, nil); len(results) != 0 {
		t.Errorf("got %v", results)
	}
}
