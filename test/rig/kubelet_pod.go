package rig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// kubeletPod is a pod of a [Kubelets] node. Its containers are processes of this machine, one after the other, with the arguments that the pod has for
// them, where paths below its mounts are those of the node's directory, and the address of its probes is a socket there. It has no
// service account: --annotate is left out. Its ConfigMap and its Secret are laid out as kubelet does, and whether it is ready says its readiness probe.
type kubeletPod struct {
	*Pod
	program, root string
	seen          chan podObject // as it is now; only the newest waits
	killed        context.Context
	kill          context.CancelFunc

	ended    int     // containers that come before the last one, and have ended well
	process  *Daemon // of the next one; nil: it was not started
	started  time.Time
	failures int    // of the readiness probe, since it was last answered well
	said     string // of its readiness, to the API server
	since    string
}

// podPeriod is how often a pod is probed, and how soon what has failed is tried again. kubelet probes as the pod says, every ten seconds.
const podPeriod = 100 * time.Millisecond

// restartPause is how long a process stays away at least that ends soon after its start. kubelet begins with ten seconds.
const restartPause = time.Second

func now() string { return time.Now().UTC().Format(time.RFC3339) }

// start runs a pod until it is killed, or has been asked to end and has done so.
func (k *Kubelets) start(object podObject) *kubeletPod {
	ctx, cancel := context.WithCancel(context.Background())
	p := &kubeletPod{
		Pod:     &Pod{kube: k.kube, dir: filepath.Join(k.dir, "pods", object.Metadata.UID), object: object},
		program: k.program, root: k.Root(object.Spec.NodeName), seen: make(chan podObject, 1), killed: ctx, kill: cancel,
	}
	k.work.Go(p.run)
	return p
}

// tell lets the pod know how it is now.
func (p *kubeletPod) tell(object podObject) {
	select {
	case <-p.seen: // which is older
	default:
	}
	p.seen <- object
}

func (p *kubeletPod) run() {
	defer p.kill()
	again := time.NewTicker(podPeriod)
	defer again.Stop()
	for {
		switch {
		case p.object.Metadata.DeletionTimestamp != "":
			if p.process != nil {
				p.process.Stop()
			}
			if p.remove() == nil {
				return
			}
		case p.runs():
			p.report()
		case time.Since(p.started) > restartPause:
			p.launch() // what fails is tried again: it may have to wait for its ConfigMap
		}
		select {
		case <-p.killed.Done():
			if p.process != nil {
				p.process.Kill()
			}
			return
		case p.object = <-p.seen:
		case <-again.C:
		}
	}
}

// runs reports whether the process runs.
func (p *kubeletPod) runs() bool {
	if p.process == nil {
		return false
	}
	select {
	case <-p.process.done:
		return false
	default:
		return true
	}
}

// remove says that the pod has ended, by which it is gone.
func (p *kubeletPod) remove() error {
	_, err := p.kube.Do(p.killed, http.MethodDelete, p.object.path()+"?gracePeriodSeconds=0", nil)
	if refused := (*StatusError)(nil); errors.As(err, &refused) && refused.Code == http.StatusNotFound {
		return nil
	}
	return err
}

// container is the one whose turn it is.
func (p *kubeletPod) container() podContainer {
	return append(slices.Clone(p.object.Spec.InitContainers), p.object.Spec.Containers...)[p.ended]
}

// launch lays out the volumes of the pod and starts the process of its next container.
func (p *kubeletPod) launch() error {
	if p.process != nil && p.ended < len(p.object.Spec.InitContainers) && p.process.cmd.ProcessState.Success() {
		p.ended++
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	if err := p.Project(p.killed); err != nil {
		return err
	}
	c := p.container()
	places, err := p.places(c)
	if err != nil {
		return err
	}
	argv := []string{p.program}
	for _, arg := range c.Args {
		if place, ok := places[arg]; ok {
			arg = place
		}
		argv = append(argv, arg)
	}
	argv = slices.DeleteFunc(argv, func(arg string) bool { return arg == "--annotate" })
	p.failures, p.started = probeFailures, time.Now()
	p.process, err = StartDaemon(filepath.Join(p.dir, "log"), argv...)
	return err
}

// places are what paths and addresses of a container are on this machine.
func (p *kubeletPod) places(c podContainer) (map[string]string, error) {
	probe := c.LivenessProbe.HTTPGet
	places := map[string]string{fmt.Sprintf("%s:%d", probe.Host, probe.Port): "unix://" + p.socket()}
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(p.object.Spec.Volumes, func(v podVolume) bool { return v.Name == m.Name })
		if i < 0 {
			return nil, fmt.Errorf("no volume %q", m.Name)
		}
		volume := p.object.Spec.Volumes[i]
		if volume.HostPath == nil {
			places[m.MountPath] = p.mounted(m.Name)
			if err := p.mount(m); err != nil {
				return nil, err
			}
			continue
		}
		mounted, ok := strings.CutSuffix(m.MountPath, volume.HostPath.Path)
		if !ok {
			return nil, fmt.Errorf("volume %q: %s is not mounted below a directory of its own", m.Name, volume.HostPath.Path)
		}
		places[mounted] = p.root
		here := filepath.Join(p.root, volume.HostPath.Path)
		if volume.HostPath.Type == "DirectoryOrCreate" {
			if err := os.MkdirAll(here, 0o755); err != nil {
				return nil, err
			}
		}
		if _, err := os.Stat(here); err != nil {
			return nil, err
		}
	}
	return places, nil
}

func (p *kubeletPod) mounted(volume string) string { return filepath.Join(p.dir, "mounted", volume) }

// mount mounts a volume that is not of the node, once. That it is read-only is what keeps everybody from writing to it: see [swap].
func (p *kubeletPod) mount(m podMount) error {
	at := p.mounted(m.Name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(at, 0o755); errors.Is(err, os.ErrExist) {
		return nil
	}
	volume, err := p.volume(p.killed, m.Name)
	if err != nil {
		return err
	}
	if err := unix.Mount(volume, at, "", unix.MS_BIND, ""); err != nil || !m.ReadOnly {
		return err
	}
	return unix.Mount("", at, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

// socket is where the process answers: the same for all pods of a node, as its port would be.
func (p *kubeletPod) socket() string { return filepath.Join(p.root, "run", "probe") }
