package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/regsync/regsync/render"
)

// ErrNoService says that nobody is there who could restart a service. The message around it says what to do by hand.
var ErrNoService = errors.New("nobody to ask for it")

// ErrBusy says that snapd was busy with another change until there was no time left. Nothing has been done.
var ErrBusy = errors.New("snapd is busy")

// The services of the runtimes.
const (
	snapService    = "microk8s.daemon-containerd"
	snapUnit       = "snap." + snapService + ".service"
	containerdUnit = "containerd.service"
)

// Service is the containerd of a runtime, as a service of the host.
type Service struct {
	Runtime render.Runtime
	Host    string // where a live node's file system is mounted, whose snapd and systemd are asked by their sockets; empty: here
}

// Restart restarts containerd and returns when the service is up again, which does not mean that its CRI is ([WaitCRI]).
// Running containers go on.
//
// MicroK8s' containerd is restarted alone: `microk8s stop` would remove all containers, and do nothing on a worker.
func (s Service) Restart(ctx context.Context) error {
	switch s.Runtime {
	case render.MicroK8s:
		if s.Host != "" {
			return snapd{s.Host}.restart(ctx, snapService)
		}
		return snapRestart(ctx, snapService)
	case render.Containerd:
		return restartUnit(ctx, s.Host, containerdUnit)
	case render.NoRuntime:
		return fmt.Errorf("restarting containerd: %w", ErrNoService)
	}
	panic(fmt.Sprintf("unknown runtime %q", s.Runtime))
}

// Stopped reports whether systemd says that the service does not run and is not meant to now: before its turn at boot, or because
// somebody has stopped it. One that has failed was meant to run. False where there is nobody to ask.
func (s Service) Stopped(ctx context.Context) bool {
	units := map[render.Runtime]string{render.MicroK8s: snapUnit, render.Containerd: containerdUnit}
	return unitState(ctx, s.Host, units[s.Runtime]) == "inactive"
}

// AnyStarted reports whether one of the programs that read our files has been started, as a service of this machine.
func AnyStarted(ctx context.Context) bool {
	return slices.ContainsFunc([]string{snapUnit, containerdUnit, "docker.service"}, func(unit string) bool {
		state := unitState(ctx, "", unit)
		return state != "" && state != "inactive"
	})
}
