package main

import (
	"context"
	"fmt"
	"time"

	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// lookAtImages adds to have what containerd's store has of the images that are wanted or ours. Where nobody can be asked, it takes
// the images out of want and of owned, and says so in the plan: under --root they are left to the running node, elsewhere they wait.
func (c *command) lookAtImages(ctx context.Context, t *trip, v *services, want []render.Resource, have map[render.ID]plan.Live, owned map[render.ID]plan.Owned) (
	[]render.Resource, map[render.ID]plan.Owned, error,
) {
	names := imagesOf(want, owned)
	if len(names) == 0 {
		return want, owned, nil
	}
	if v.baking {
		t.plan.Left = append(t.plan.Left, fmt.Sprintf("%d images are left to the running node", len(names)))
		return withoutImages(want, owned)
	}
	store, err := c.openStore(ctx, v, t.spec.Node.Containerd.Namespace)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		t.plan.Waiting = append(t.plan.Waiting, fmt.Sprintf("%d images wait for containerd: %v", len(names), err))
		return withoutImages(want, owned)
	}
	t.store = store
	live, err := store.Look(ctx, names)
	if err != nil {
		return nil, nil, fmt.Errorf("looking at the images on the node: %w", err)
	}
	for name, image := range live {
		have[render.ID{Kind: render.KindImage, Name: name}] = plan.Live{Image: &image}
	}
	return want, owned, nil
}

// imagesOf gives the images that are wanted or ours, by name.
func imagesOf(want []render.Resource, owned map[render.ID]plan.Owned) map[string]render.Image {
	names := map[string]render.Image{}
	for id, o := range owned {
		if o.Image != nil {
			names[id.Name] = *o.Image
		}
	}
	for _, r := range want {
		if r.Image != nil {
			names[r.Name] = *r.Image
		}
	}
	return names
}

func withoutImages(want []render.Resource, owned map[render.ID]plan.Owned) ([]render.Resource, map[render.ID]plan.Owned, error) {
	var files []render.Resource
	for _, r := range want {
		if r.Image == nil {
			files = append(files, r)
		}
	}
	ours := map[render.ID]plan.Owned{}
	for id, o := range owned {
		if o.Image == nil {
			ours[id] = o
		}
	}
	return files, ours, nil
}

// openStore connects to containerd, and waits for it as long as --wait allows.
func (c *command) openStore(ctx context.Context, v *services, namespace string) (*images.Store, error) {
	if v.socket == "" {
		return nil, fmt.Errorf("there is no container runtime")
	}
	deadline := time.Now().Add(c.wait)
	for {
		ask, cancel := context.WithTimeout(ctx, askTime)
		store, err := images.Open(ask, v.socket, namespace)
		cancel()
		if err == nil || time.Now().After(deadline) {
			return store, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}
