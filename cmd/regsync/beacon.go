package main

import (
	"errors"
	"io/fs"

	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/view"
)

// runDir is where a service that looks after the node leaves word of how it is doing, on the node. It goes at a reboot.
const runDir = "/run/regsync"

// lightBeacon begins to say how the service that looks after the node is doing.
func lightBeacon(root *node.Root) (*beacon.Beacon, error) {
	dir, err := root.Path(runDir)
	if err != nil {
		return nil, err
	}
	return beacon.New(beacon.Config{Dir: dir, Version: ownVersion(), Say: func(err error) string { return view.Masked(err.Error()) }})
}

// said gives what such a service says; nil where there is none.
func said(root *node.Root) (*beacon.Status, error) {
	dir, err := root.Path(runDir)
	if err != nil {
		return nil, err
	}
	status, err := beacon.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &status, err
}

// statusUnread shows what such a service says where we may not look ourselves. If there is none, all there is to say is why.
func (c *command) statusUnread(why error) error {
	root, err := node.Open(c.mount())
	if err != nil {
		return why
	}
	defer root.Close()
	watched, err := said(root)
	if watched == nil || err != nil {
		return errors.Join(why, err)
	}
	return c.showStatus(view.Status{Generation: watched.Generation, Watch: watched, Unread: why.Error()})
}
