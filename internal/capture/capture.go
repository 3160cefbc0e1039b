package capture

import (
	"context"
	"fmt"
	"strings"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Node is the node that is described.
type Node struct {
	Probe  probe.Node    // the containerd that pulls
	Inputs render.Inputs // the node without regsync, as rendering sees it
	Spec   spec.Node     // what stands where

	Names map[string][]string // what is in each of Probe.Dirs
	Read  func(name string) ([]byte, error)

	HostsFile  []byte // as it is
	DaemonJSON []byte // as it is
	Images     []Image

	Cluster spec.Cluster                 // how the cluster was reached
	Secrets []render.FoundSecret         // its pull secrets, by name and namespace
	Digest  func(password string) string // what made the digests in Secrets

	Unseen []string // what could not be looked at, and why
}

// Image is an image in containerd's store.
type Image struct {
	Name   string
	Source string // regsync's label: what brought it; empty: it was not regsync
}

// capturer describes one node.
type capturer struct {
	Node
	draft  draft.Draft
	before map[string][]draft.Ask // whom containerd asks, by registry
	effect bool                   // what stands in certs.d, or inline, is in effect
}

// Capture describes a node. What cannot be said is in the comments; the error is one of looking.
func Capture(ctx context.Context, n Node) (*draft.Draft, error) {
	c := &capturer{Node: n, before: map[string][]draft.Ask{}}
	c.head()
	if err := c.registries(ctx); err != nil {
		return nil, err
	}
	c.follow()
	c.images()
	c.docker()
	c.hosts()
	c.pullSecrets()
	if err := c.verify(); err != nil {
		return nil, err
	}
	return &c.draft, nil
}

// head says above all what the reader has to know.
func (c *capturer) head() {
	d := &c.draft
	d.Head = []string{
		"The registries of this node, written by regsync capture. Comments say where each entry was found; what could not be taken over is commented out.",
	}
	d.Node = c.Spec
	config, _ := render.Effective(c.Inputs.Layout.ConfigFile, c.Inputs.Config, c.Inputs.Imports, c.Inputs.Containerd)
	file := c.Inputs.Layout.ConfigFile
	c.effect = true
	switch {
	case c.Inputs.Layout.Runtime == render.NoRuntime && c.Inputs.Layout.DaemonJSON == "":
		c.effect = false
		d.Head = append(d.Head, "Neither a containerd with a CRI nor Docker is on this node.")
	case c.Inputs.Layout.Runtime == render.NoRuntime:
		c.effect = false
		d.Node.Runtime = "none"
		d.NodeNotes = []string{"no containerd with a CRI is on this node: the file is for Docker alone, and says so lest containerd be waited for"}
	case c.Probe.Broken != "":
		d.Head = append(d.Head, "No pull works on this node: "+c.Probe.Broken+". What follows is what would be in effect without that; applying it repairs the config.")
	case config.State == render.ConfigLegacy:
		d.Head = append(d.Head, fmt.Sprintf("%s has its mirrors inline, and certs.d is not read: applying this file moves them to certs.d, with one restart of containerd.", file))
	case config.State == render.ConfigColonList:
		d.Head = append(d.Head, fmt.Sprintf("config_path in %s is the list %s: applying this file makes one directory of it, with one restart of containerd.", file, config.Path))
		c.effect = len(c.Probe.Dirs) > 0
	case config.State == render.ConfigNeither:
		c.effect = false
		d.Head = append(d.Head, fmt.Sprintf("%s names no config_path, and certs.d is not read: an entry here that is not commented out makes regsync set it, with one restart of containerd.", file))
	default:
		d.Head = append(d.Head, c.Probe.Notes...)
	}
	if len(config.Auth) > 0 {
		d.Tail = append(d.Tail, fmt.Sprintf("%s holds user names or passwords for %s (registry.configs.….auth). They stay there and in effect; regsync does not touch them.", file, strings.Join(config.Auth, ", ")))
	}
	for _, why := range c.Unseen {
		d.Tail = append(d.Tail, "Not looked at: "+why+".")
	}
}
