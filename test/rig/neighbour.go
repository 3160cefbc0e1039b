package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// neighbourConfig is a containerd that shares no path with the node's own.
const neighbourConfig = `version = 2
root = "%[1]s/root"
state = "%[1]s/state"

[grpc]
  address = "%[2]s"

[ttrpc]
  address = "%[2]s.ttrpc"

[plugins."io.containerd.internal.v1.opt"]
  path = "%[1]s/opt"

[plugins."io.containerd.nri.v1.nri"]
  disable = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "%[1]s/cni"
  conf_dir = "%[1]s/cni"
`

// StartNeighbour starts the containerd of another node, beside the one of this node, and waits until its CRI answers. All that is its own lies
// in dir, a real file system; its socket is returned too.
func StartNeighbour(ctx context.Context, release Containerd, dir string) (node *RunningContainerd, socket string, err error) {
	program, err := release.Path(ctx)
	if err != nil {
		return nil, "", err
	}
	socket = filepath.Join(dir, "c.sock")
	config := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, neighbourConfig, dir, socket), 0o644); err != nil {
		return nil, "", err
	}
	daemon, err := StartDaemon(filepath.Join(dir, "containerd.log"), program, "--config", config)
	if err != nil {
		return nil, "", err
	}
	client, err := DialCRI(socket)
	if err != nil {
		daemon.Stop()
		return nil, "", err
	}
	node = &RunningContainerd{daemon, client}
	if err := daemon.await(ctx, node.healthy); err != nil {
		node.Stop()
		return nil, "", fmt.Errorf("another node's containerd %s: %w", release.Name, err)
	}
	return node, socket, nil
}
