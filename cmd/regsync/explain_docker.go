package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/regsync/regsync/internal/docker"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/spec"
)

// dockerRoad explains a pull of the node's dockerd: by what that says of itself where it runs, by daemon.json elsewhere.
func (c *command) dockerRoad(ctx context.Context, root *node.Root, s spec.Node, image string, x explanation) (probe.Road, error) {
	d := probe.Docker{Root: root.Dir()}
	live, err := root.Read(s.Docker.ConfigFile)
	if err != nil {
		return probe.Road{}, err
	}
	if live.Data != nil {
		d.File = s.Docker.ConfigFile
		var file struct {
			Insecure []string `json:"insecure-registries"`
			Mirrors  []string `json:"registry-mirrors"`
		}
		if err := json.Unmarshal(live.Data, &file); err != nil {
			d.Notes = append(d.Notes, fmt.Sprintf("dockerd cannot read %s, and does not start with it: %v", path.Base(d.File), err))
		}
		d.Insecure, d.Mirrors = file.Insecure, file.Mirrors
	}
	if !c.baking() {
		mount := c.mount()
		if mount == "/" {
			mount = ""
		}
		ask, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		info, err := docker.Daemon{Root: mount, Socket: s.Docker.Socket, ConfigFile: s.Docker.ConfigFile}.Info(ask)
		switch {
		case err == nil:
			for _, missing := range info.Missing(live.Data) {
				d.Notes = append(d.Notes, "daemon.json is not what runs: "+missing)
			}
			d.Version, d.Insecure, d.Mirrors = info.ServerVersion, info.InsecureRegistries, info.Mirrors
		case errors.Is(err, docker.ErrNotRunning):
			d.Notes = append(d.Notes, "dockerd does not run: it is as daemon.json says")
		default:
			d.Notes = append(d.Notes, fmt.Sprintf("dockerd could not be asked: %v", err))
		}
	}
	return probe.ExplainDocker(ctx, d, image, probe.Options{Probe: x.probe})
}
