package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Where a containerd of the distribution's package has its things; inside the rig these paths are throw-away.
const (
	ContainerdConfig = "/etc/containerd/config.toml"
	ContainerdSocket = "/run/containerd/containerd.sock"
	ContainerdCerts  = "/etc/containerd/certs.d"
)

// StockConfig is the configuration of a node whose containerd reads certs.d.
const StockConfig = `version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
`

// RunningContainerd is a containerd with its CRI.
type RunningContainerd struct {
	*Daemon
	CRI *CRI
}

// StartContainerd starts a release with the configuration at [ContainerdConfig], which it lays out as [StockConfig]
// where there is none, and waits until its CRI answers. Images and log go to dir, which stays a real file system.
func StartContainerd(ctx context.Context, release Containerd, dir string) (*RunningContainerd, error) {
	program, err := release.Path(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(ContainerdConfig), 0o755); err != nil {
		return nil, err
	}
	if _, err := os.Stat(ContainerdConfig); err != nil {
		if err := os.WriteFile(ContainerdConfig, []byte(StockConfig), 0o644); err != nil {
			return nil, err
		}
	}
	daemon, err := StartDaemon(filepath.Join(dir, "containerd.log"), program, "--config", ContainerdConfig,
		"--root", filepath.Join(dir, "containerd"), "--state", "/run/containerd", "--address", ContainerdSocket)
	if err != nil {
		return nil, err
	}
	client, err := DialCRI(ContainerdSocket)
	if err != nil {
		daemon.Stop()
		return nil, err
	}
	running := &RunningContainerd{daemon, client}
	if err := daemon.await(ctx, running.healthy); err != nil {
		running.Stop()
		return nil, fmt.Errorf("containerd %s: %w", release.Name, err)
	}
	return running, nil
}

func (r *RunningContainerd) healthy(ctx context.Context) error {
	_, err := r.CRI.Version(ctx)
	return err
}

// Stop ends it.
func (r *RunningContainerd) Stop() {
	r.CRI.Close()
	r.Daemon.Stop()
}
