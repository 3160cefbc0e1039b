package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/docker"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// How long a program is given to answer, to load a new file, and to come up again.
const (
	askTime    = 3 * time.Second
	reloadTime = 30 * time.Second
	healthTime = 3 * time.Minute
	// A HEAD request, with mirrors that may be down.
	resolveTime = 20 * time.Second
	// A refresh keeps snapd busy for minutes.
	restartTime = 10 * time.Minute
)

// services are the programs on the node that read what we write.
type services struct {
	ledger.Services
	root   *node.Root
	baking bool   // nothing runs there
	socket string // containerd's, as this machine names it; empty where there is none
	docker docker.Daemon
	unit   runtime.Service

	asked   bool           // for the version
	running render.Version // of containerd
}

func servicesOf(sp *spec.Spec, place node.Place) ledger.Services {
	return ledger.Services{
		Runtime: place.Runtime, Socket: place.Socket, Namespace: sp.Node.Containerd.Namespace, ConfigFile: place.ConfigFile,
		DaemonJSON: place.DaemonJSON, DockerSocket: sp.Node.Docker.Socket,
	}
}

func (c *command) services(root *node.Root, s ledger.Services) *services {
	v := &services{Services: s, root: root, baking: c.baking()}
	if v.baking {
		return v
	}
	mount := c.mount()
	if mount == "/" {
		mount = ""
	}
	v.docker = docker.Daemon{Root: mount, Socket: s.DockerSocket, ConfigFile: s.DaemonJSON}
	v.unit = runtime.Service{Runtime: s.Runtime, Host: mount}
	if s.Socket != "" {
		if socket, err := root.Path(s.Socket); err == nil {
			v.socket = socket
		}
	}
	return v
}

// version is the running containerd's, asked once in a run; the zero Version where it cannot be asked.
func (v *services) version(ctx context.Context) render.Version {
	if v.socket == "" || v.asked {
		return v.running
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	v.asked = true
	if version, _, err := runtime.Version(ctx, v.socket); err == nil {
		v.running = version
	}
	return v.running
}

// liveNode is the node as apply sees it.
type liveNode struct {
	*revision
	services *services
	refused  bool // snapd was busy to the end: containerd is as it was
}

// Run carries an effect out and makes sure that it took.
func (n *liveNode) Run(ctx context.Context, e plan.Effect) error {
	if moved := n.moved(); moved != nil && !e.Undo {
		return moved
	}
	if e.Name == render.ReloadDocker {
		return n.services.reloadDocker(ctx)
	}
	if e.Undo && n.refused {
		return nil
	}
	err := n.services.restartContainerd(ctx, e)
	n.refused = errors.Is(err, runtime.ErrBusy)
	return err
}

// reloadDocker lets dockerd read its file again, and compares what it then says of itself with the file: whatever it refuses
// stands only in its log.
func (v *services) reloadDocker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	if _, err := v.docker.Info(ctx); err != nil {
		if errors.Is(err, docker.ErrNotRunning) {
			return apply.ErrNotRunning
		}
		return err
	}
	if err := v.docker.Reload(ctx); err != nil {
		if errors.Is(err, docker.ErrNotRunning) {
			return &apply.UnservedError{Reason: err.Error(), Advice: "reload it: systemctl reload docker, or kill -HUP PID"}
		}
		return err
	}
	live, err := v.root.Read(v.DaemonJSON)
	if err != nil {
		return err
	}
	info, err := v.docker.AwaitInfo(ctx, func(i docker.Info) bool { return len(i.Missing(live.Data)) == 0 })
	if err != nil {
		if missing := info.Missing(live.Data); len(missing) > 0 {
			return fmt.Errorf("dockerd did not take the file: %s; its log says why", strings.Join(missing, "; "))
		}
		return err
	}
	return nil
}

// restartContainerd restarts containerd and waits for its CRI. That containerd is up again says nothing: with a config that the
// CRI plugin refuses, everything but the CRI comes up.
func (v *services) restartContainerd(ctx context.Context, e plan.Effect) error {
	ask, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if _, _, err := runtime.Version(ask, v.socket); err != nil && (!e.Undo || v.unit.Stopped(ctx)) {
		return apply.ErrNotRunning
	}
	wasUp := runtime.CRI(ask, v.socket) == nil
	restart, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	began := time.Now()
	if err := v.unit.Restart(restart); err != nil {
		if errors.Is(err, runtime.ErrNoService) || errors.Is(err, runtime.ErrBusy) && ctx.Err() == nil {
			return &apply.UnservedError{Reason: err.Error(), Advice: "regsync plan shows it until it is done, and regsync apply tries it again"}
		}
		return v.explained(ctx, err, began)
	}
	// Where it was down for a reason of its own, or because of the file that is back, it need not come up.
	if !wasUp && !e.Repairs && !e.Undo || e.Undo && e.Repairs {
		return nil
	}
	health, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	if err := runtime.WaitCRI(health, v.socket); err != nil {
		return v.explained(ctx, fmt.Errorf("the CRI does not answer after the restart: %w", err), began)
	}
	return nil
}

// explained adds to an error what containerd's log says of it, where there is one.
func (v *services) explained(ctx context.Context, err error, since time.Time) error {
	ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	if word := v.unit.LastWord(ask, since); word != "" {
		return fmt.Errorf("%w; containerd's log says: %s", err, view.Masked(word))
	}
	return err
}
