package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// sight is what can be looked after of what is wanted and ours.
type sight struct {
	owned   map[render.ID]plan.Owned
	waiting []string
	left    []string
	// elsewhere is what is another node's to look after.
	elsewhere []string
}

// lookAtImages adds to have what containerd's store has of the images that are wanted or ours. Where nobody can be asked, no image
// is wanted, and none leaves: under --root they are left to the running node, elsewhere they wait.
func (c *command) lookAtImages(ctx context.Context, t *trip, v *services, d *render.Desired, have map[render.ID]plan.Live, owned map[render.ID]plan.Owned) (sight, error) {
	names := imagesOf(d.Resources, owned)
	if len(names) == 0 {
		return sight{owned: owned}, nil
	}
	if v.baking {
		return sight{owned: withoutImages(d, owned), left: []string{render.Count(len(names), "image")}}, nil
	}
	store, err := c.openStore(ctx, v)
	if err != nil {
		if ctx.Err() != nil {
			return sight{}, context.Cause(ctx)
		}
		return sight{owned: withoutImages(d, owned), waiting: []string{fmt.Sprintf("%s: %v", render.Count(len(names), "image"), err)}}, nil
	}
	t.store = store
	live, err := store.Look(ctx, names)
	if err != nil {
		return sight{}, fmt.Errorf("looking at the images on the node: %w", err)
	}
	for name, image := range live {
		have[render.ID{Kind: render.KindImage, Name: name}] = plan.Live{Image: &image}
	}
	return sight{owned: owned}, nil
}

// follow asks the registries of the images that follow them whether these have moved. That one cannot be asked is no failure of anything else.
func (c *command) follow(ctx context.Context, root *node.Root, n spec.Node, want []render.Resource, have map[render.ID]plan.Live) (waiting []string) {
	hosts := c.registryHosts(ctx, root, n)
	for _, r := range want {
		live := have[r.ID].Image
		if r.Image == nil || r.Node != "" || !r.Image.Refresh || live == nil {
			continue
		}
		digest, err := resolve(ctx, hosts, r.Name)
		switch {
		case err != nil:
			waiting = append(waiting, fmt.Sprintf("whether %s has moved: %v", r.Name, err))
		case digest != live.Target:
			live.Moved = digest
		}
	}
	return waiting
}

// registryHosts gives whom the node's containerd asks for images, to be asked by us, with its patience. It looks at the node when it is first called.
func (c *command) registryHosts(ctx context.Context, root *node.Root, n spec.Node) func() (images.Hosts, error) {
	return sync.OnceValues(func() (images.Hosts, error) {
		pulling, err := c.pullingNode(ctx, root, n, render.Version{}, "")
		return probe.Hosts(pulling, probe.Options{Limit: 30 * time.Second}), err
	})
}

// resolve asks the registry of an image for its digest.
func resolve(ctx context.Context, hosts func() (images.Hosts, error), name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	asked, err := hosts()
	if err != nil {
		return "", err
	}
	return images.Resolve(ctx, asked, name)
}

// imagesOf gives the images that are wanted or ours, by name.
func imagesOf(want []render.Resource, owned map[render.ID]plan.Owned) map[string]render.Image {
	names := map[string]render.Image{}
	for id, o := range owned {
		if o.Image != nil && id.Node == "" {
			names[id.Name] = *o.Image
		}
	}
	for _, r := range want {
		if r.Image != nil && r.Node == "" {
			names[r.Name] = *r.Image
		}
	}
	return names
}

// withoutImages takes the images out of what is wanted, and out of what is ours.
func withoutImages(d *render.Desired, owned map[render.ID]plan.Owned) map[render.ID]plan.Owned {
	var files []render.Resource
	for _, r := range d.Resources {
		if r.Image == nil {
			files = append(files, r)
		}
	}
	d.Resources = files
	ours := map[render.ID]plan.Owned{}
	for id, o := range owned {
		if o.Image == nil {
			ours[id] = o
		}
	}
	return ours
}

// withoutRuntime leaves the runtime's files out of what is ours: while the runtime is not there, as in the middle of a snap's refresh,
// nobody asks for them, and they are to be there when it is back.
func withoutRuntime(owned map[render.ID]plan.Owned) map[render.ID]plan.Owned {
	ours := map[render.ID]plan.Owned{}
	for id, o := range owned {
		if id.Kind != render.KindFile || o.Scope != render.Whole && o.Scope != render.TOMLKeys {
			ours[id] = o
		}
	}
	return ours
}

// withoutNeighbours leaves what is on other nodes out of what is ours: nothing is known of those nodes now.
func withoutNeighbours(owned map[render.ID]plan.Owned) map[render.ID]plan.Owned {
	ours := map[render.ID]plan.Owned{}
	for id, o := range owned {
		if id.Node == "" {
			ours[id] = o
		}
	}
	return ours
}

// withoutHeld leaves out of what is ours what is not to leave now. What is held back by its name stays; and where an archive cannot be read, all that came from
// archives and is not wanted of another: nobody knows what that one holds, and it may have moved since it brought its images.
func withoutHeld(owned map[render.ID]plan.Owned, want []render.Resource, unread, held []render.Held) map[render.ID]plan.Owned {
	if len(unread)+len(held) == 0 {
		return owned
	}
	wanted, names := map[render.ID]bool{}, map[string]bool{}
	for _, r := range want {
		wanted[r.ID] = true
	}
	for _, h := range held {
		names[h.Name] = true
	}
	free := map[render.ID]plan.Owned{}
	for id, o := range owned {
		stays := o.Image != nil && (names[id.Name] || len(unread) > 0 && o.Image.Archive != "" && !wanted[id])
		if !stays {
			free[id] = o
		}
	}
	return free
}

// openStore connects to containerd, and waits for it as long as --wait allows.
func (c *command) openStore(ctx context.Context, v *services) (*images.Store, error) {
	if v.socket == "" {
		return nil, errors.New("there is no container runtime yet")
	}
	deadline := time.Now().Add(c.wait)
	for {
		ask, cancel := context.WithTimeout(ctx, askTime)
		store, err := images.Open(ask, v.socket, v.Namespace)
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
