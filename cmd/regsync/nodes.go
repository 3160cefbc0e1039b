package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/agent"
	"github.com/regsync/regsync/internal/archive"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// pushesAtOnce is how many nodes get an archive at a time.
const pushesAtOnce = 4

// neighbours are the other nodes of a MicroK8s cluster, and the way to their agents.
type neighbours struct {
	agents agent.Agents
	nodes  map[string]agent.Node
}

// neighbours finds the other nodes, if anything is to be brought to them. A node that is in no cluster has none.
func (c *command) neighbours(ctx context.Context, s *site, sp *spec.Spec, place node.Place) (*neighbours, error) {
	if !slices.ContainsFunc(sp.Preload, func(p spec.Preload) bool { return p.Nodes == "all" }) || c.baking() {
		return nil, nil
	}
	if place.Runtime != render.MicroK8s {
		return nil, errors.New("nodes: all is for MicroK8s, whose cluster agents take images")
	}
	read := reader(s.root)
	if s.root.Exists(node.SnapData + "/var/lock/clustered.lock") {
		return &neighbours{}, nil // a worker: a node of the control plane sees to it
	}
	api, err := agent.Kubeconfig(cmp.Or(sp.Cluster.Kubeconfig, agent.ClientConfig), read)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	all, err := api.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	own, addresses := strings.ToLower(hostname(s.root)), addresses()
	if slices.ContainsFunc(all, func(n agent.Node) bool { return n.Name == own || n.Hostname == own }) {
		addresses = nil // a name is surer than an address, which a virtual one may be
	}
	others, err := agent.Others(all, own, addresses)
	if err != nil {
		return nil, err
	}
	n := &neighbours{nodes: map[string]agent.Node{}}
	if len(others) == 0 {
		return n, nil
	}
	if n.agents, err = agent.Find(read); err != nil {
		return nil, err
	}
	for _, o := range others {
		n.nodes[o.Name] = o
	}
	return n, nil
}

// wanted are the nodes as rendering sees them, sorted by name.
func (n *neighbours) wanted() []render.Neighbour {
	if n == nil {
		return nil
	}
	var all []render.Neighbour
	for _, name := range slices.Sorted(maps.Keys(n.nodes)) {
		all = append(all, render.Neighbour{Name: name, Arch: n.nodes[name].Arch})
	}
	return all
}

// addresses are the ones that this machine has.
func addresses() []string {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []string
	for _, a := range list {
		if ip, ok := a.(*net.IPNet); ok {
			all = append(all, ip.IP.String())
		}
	}
	return all
}

// both closes a stream and the file below it.
type both struct {
	io.ReadCloser
	file io.Closer
}

func (b both) Close() error { return errors.Join(b.ReadCloser.Close(), b.file.Close()) }

// elsewhere brings one archive to the nodes that lack images of it.
func (w *imageWork) elsewhere(ctx context.Context, name string, changes []plan.Change, failed map[render.ID]error, tell func(apply.Event)) {
	if w.neighbours == nil {
		for _, c := range changes {
			w.settle(c, errors.New("a saved plan does not say how the other nodes are reached: make the plan again"), failed, tell)
		}
		return
	}
	var nodes []agent.Node
	for _, c := range changes {
		n, ok := w.neighbours.nodes[c.Node]
		if ok && !slices.ContainsFunc(nodes, func(o agent.Node) bool { return o.Name == n.Name }) {
			nodes = append(nodes, n)
		}
	}
	body := func() (io.ReadCloser, int64, error) {
		f, index, err := w.open(ctx, name, *changes[0].Image)
		if err != nil {
			return nil, 0, err
		}
		size := index.Size
		if index.Compression != archive.Plain {
			size = -1 // ctr takes a plain tar only
		}
		tar, err := index.Tar(ctx, f)
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		return both{tar, f}, size, nil
	}
	errs := w.neighbours.agents.PushAll(ctx, nodes, pushesAtOnce, body, nil)
	for _, c := range changes {
		err, asked := errs[c.Node]
		if !asked {
			err = fmt.Errorf("node %q is not in the cluster any more", c.Node)
		}
		w.settle(c, err, failed, tell)
	}
}
