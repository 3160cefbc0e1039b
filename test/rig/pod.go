package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Pod is a pod of a DaemonSet on this node. The rig stands in for the DaemonSet's controller, the scheduler and kubelet: it makes the pod on the
// API server, and has the node's own containerd run its containers, with runc, as the pod says.
type Pod struct {
	kube    *Kube
	cri     *CRI
	dir     string // kubelet's, for this pod: volumes and logs
	object  podObject
	config  *cri.PodSandboxConfig
	sandbox string
}

// podObject is what of a pod matters here, as the API server gives it back with its defaults.
type podObject struct {
	Metadata struct{ Name, Namespace, UID, DeletionTimestamp string }
	Spec     struct {
		NodeName, ServiceAccountName  string
		HostNetwork, HostPID          bool
		TerminationGracePeriodSeconds int64
		InitContainers, Containers    []podContainer
		Volumes                       []podVolume
	}
	Status struct {
		Conditions []struct{ Type, Status string }
	}
}

func (p podObject) path() string {
	return "/api/v1/namespaces/" + p.Metadata.Namespace + "/pods/" + p.Metadata.Name
}

// ready reports whether the API server has a pod as ready.
func (p podObject) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

type podContainer struct {
	Name, Image   string
	Command, Args []string
	Env           []struct {
		Name, Value string
		ValueFrom   struct{ FieldRef struct{ FieldPath string } }
	}
	SecurityContext               podSecurity
	Resources                     struct{ Limits map[string]string }
	VolumeMounts                  []podMount
	LivenessProbe, ReadinessProbe struct {
		HTTPGet struct {
			Host, Path string
			Port       int
		}
	}
}

type podSecurity struct {
	RunAsUser                          *int64
	Privileged, ReadOnlyRootFilesystem bool
	AllowPrivilegeEscalation           *bool
	Capabilities                       struct{ Add, Drop []string }
	SeccompProfile                     struct{ Type string }
}

// NewPod makes a pod of the template of a DaemonSet (NAMESPACE/NAME), bound to this node, and starts what holds its namespaces. dir is an
// empty directory of its own.
func NewPod(ctx context.Context, k *Kube, client *CRI, daemonSet, dir string) (*Pod, error) {
	// kubelet's host: mounts are shared with whoever wants them so.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return nil, fmt.Errorf("sharing the mounts: %w", err)
	}
	p := &Pod{kube: k, cri: client, dir: dir}
	if err := p.create(ctx, daemonSet); err != nil {
		return nil, err
	}
	mode := func(host bool) cri.NamespaceMode {
		if host {
			return cri.NamespaceMode_NODE
		}
		return cri.NamespaceMode_POD
	}
	pid := cri.NamespaceMode_CONTAINER
	if p.object.Spec.HostPID {
		pid = cri.NamespaceMode_NODE
	}
	p.config = &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: p.object.Metadata.Name, Namespace: p.object.Metadata.Namespace, Uid: p.object.Metadata.UID},
		LogDirectory: dir,
		Linux: &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{
			NamespaceOptions: &cri.NamespaceOption{Network: mode(p.object.Spec.HostNetwork), Pid: pid, Ipc: cri.NamespaceMode_POD},
			Seccomp:          &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault},
		}},
	}
	answer, err := client.runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: p.config})
	if err != nil {
		return nil, fmt.Errorf("running the pod: %w", err)
	}
	p.sandbox = answer.PodSandboxId
	return p, nil
}

// create makes the pod on the API server.
func (p *Pod) create(ctx context.Context, daemonSet string) error {
	text, err := p.kube.Get(ctx, "daemonset", daemonSet)
	if err != nil {
		return err
	}
	var set struct {
		Metadata struct{ Namespace string }
		Spec     struct {
			Template struct{ Metadata, Spec map[string]any }
		}
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return err
	}
	pod := set.Spec.Template
	pod.Metadata["generateName"] = strings.ReplaceAll(daemonSet, "/", "-") + "-"
	pod.Spec["nodeName"] = nodeName
	made, err := p.kube.Do(ctx, http.MethodPost, "/api/v1/namespaces/"+set.Metadata.Namespace+"/pods", map[string]any{"metadata": pod.Metadata, "spec": pod.Spec})
	if err != nil {
		return err
	}
	return json.Unmarshal(made, &p.object)
}

// nodeName is this node's in the cluster, and its host name.
const nodeName = "node"

// Run runs the pod's container with other arguments, until it ends. It returns what it said, and its exit code.
func (p *Pod) Run(ctx context.Context, args []string) (said string, code int, err error) {
	c := p.object.Spec.Containers[0]
	c.Args = args
	return p.run(ctx, c)
}

func (p *Pod) run(ctx context.Context, c podContainer) (said string, code int, err error) {
	id, log, err := p.start(ctx, c)
	if err != nil {
		return "", 0, err
	}
	if code, err = p.wait(ctx, id); err != nil {
		return "", 0, err
	}
	said, err = containerLog(log)
	return said, code, err
}

// Start starts the pod's container, after those that come first have ended well, and gives the path of its log.
func (p *Pod) Start(ctx context.Context) (log string, err error) {
	for _, c := range p.object.Spec.InitContainers {
		if said, code, err := p.run(ctx, c); err != nil || code != 0 {
			return "", errors.Join(err, fmt.Errorf("container %q: exit code %d: %s", c.Name, code, said))
		}
	}
	_, log, err = p.start(ctx, p.object.Spec.Containers[0])
	return log, err
}

// start creates and starts one container.
func (p *Pod) start(ctx context.Context, c podContainer) (id, log string, err error) {
	mounts, err := p.mounts(ctx, c)
	if err != nil {
		return "", "", err
	}
	name := fmt.Sprintf("%s-%d.log", c.Name, time.Now().UnixNano())
	config := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: c.Name, Attempt: uint32(time.Now().UnixNano())},
		Image:    &cri.ImageSpec{Image: c.Image}, Command: c.Command, Args: c.Args, Envs: p.environment(c), Mounts: mounts, LogPath: name,
		Linux: &cri.LinuxContainerConfig{SecurityContext: c.SecurityContext.cri(p.config.Linux.SecurityContext.NamespaceOptions)},
	}
	if mebibytes, ok := strings.CutSuffix(c.Resources.Limits["memory"], "Mi"); ok {
		limit, err := strconv.ParseInt(mebibytes, 10, 64)
		if err != nil {
			return "", "", err
		}
		config.Linux.Resources = &cri.LinuxContainerResources{MemoryLimitInBytes: limit << 20}
	}
	made, err := p.cri.runtime.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: p.sandbox, Config: config, SandboxConfig: p.config})
	if err != nil {
		return "", "", fmt.Errorf("creating container %q: %w", c.Name, err)
	}
	if _, err := p.cri.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: made.ContainerId}); err != nil {
		return "", "", fmt.Errorf("starting container %q: %w", c.Name, err)
	}
	return made.ContainerId, filepath.Join(p.dir, name), nil
}

// Probe asks the pod's container as kubelet does, and gives the answer, which is an error unless it says that all is well.
func (p *Pod) Probe(ctx context.Context, kind string) (said string, err error) {
	probe := p.object.Spec.Containers[0].LivenessProbe.HTTPGet
	if kind == "readiness" {
		probe = p.object.Spec.Containers[0].ReadinessProbe.HTTPGet
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s", probe.Host, probe.Port, probe.Path), nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode < 200 || response.StatusCode >= 400) {
		err = fmt.Errorf("%s probe: %s: %s", kind, response.Status, text)
	}
	return string(text), err
}

// Status gives what the kernel says of the process of a container that runs (/proc/PID/status): its capabilities, and whether calls are filtered.
func (p *Pod) Status(ctx context.Context) ([]byte, error) {
	list, err := p.cri.runtime.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{
		PodSandboxId: p.sandbox, State: &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING},
	}})
	if err != nil || len(list.Containers) != 1 {
		return nil, fmt.Errorf("%d containers run: %w", len(list.GetContainers()), err)
	}
	answer, err := p.cri.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: list.Containers[0].Id, Verbose: true})
	if err != nil {
		return nil, err
	}
	var info struct{ Pid int }
	if err := json.Unmarshal([]byte(answer.Info["info"]), &info); err != nil {
		return nil, err
	}
	return os.ReadFile(fmt.Sprintf("/proc/%d/status", info.Pid))
}

// Client asks the API server as the pod's service account, with the pod's own token.
func (p *Pod) Client() (*KubeClient, error) {
	token, err := os.ReadFile(filepath.Join(p.dir, "account", "token"))
	return newKubeClient(p.kube.Address, p.kube.CA(), string(token)), err
}

// wait waits until a container has ended, also where containerd is restarted meanwhile.
func (p *Pod) wait(ctx context.Context, id string) (code int, err error) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		answer, err := p.cri.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
		if err == nil && answer.Status.State == cri.ContainerState_CONTAINER_EXITED {
			return int(answer.Status.ExitCode), nil
		}
		select {
		case <-ctx.Done():
			return 0, errors.Join(ctx.Err(), err)
		case <-again.C:
		}
	}
}

// environment is what kubelet gives a container: what the pod says, and where the API server is.
func (p *Pod) environment(c podContainer) []*cri.KeyValue {
	host, port, _ := strings.Cut(p.kube.Address, ":")
	all := []*cri.KeyValue{{Key: "KUBERNETES_SERVICE_HOST", Value: []byte(host)}, {Key: "KUBERNETES_SERVICE_PORT", Value: []byte(port)}}
	for _, e := range c.Env {
		if e.ValueFrom.FieldRef.FieldPath == "spec.nodeName" {
			e.Value = nodeName
		}
		all = append(all, &cri.KeyValue{Key: e.Name, Value: []byte(e.Value)})
	}
	return all
}

// cri is a security context as kubelet hands it to the runtime.
func (s podSecurity) cri(namespaces *cri.NamespaceOption) *cri.LinuxContainerSecurityContext {
	c := &cri.LinuxContainerSecurityContext{
		Privileged: s.Privileged, ReadonlyRootfs: s.ReadOnlyRootFilesystem, NamespaceOptions: namespaces,
		NoNewPrivs:    s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation,
		Capabilities:  &cri.Capability{AddCapabilities: s.Capabilities.Add, DropCapabilities: s.Capabilities.Drop},
		Seccomp:       &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Unconfined},
		MaskedPaths:   []string{"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"},
		ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
	}
	if s.SeccompProfile.Type == "RuntimeDefault" {
		c.Seccomp.ProfileType = cri.SecurityProfile_RuntimeDefault
	}
	if s.RunAsUser != nil {
		c.RunAsUser = &cri.Int64Value{Value: *s.RunAsUser}
	}
	return c
}

// containerLog gives what a container said, without what the runtime puts before each line (TIME STREAM TAG).
func containerLog(name string) (string, error) {
	text, err := os.ReadFile(name)
	var said strings.Builder
	for line := range strings.Lines(string(text)) {
		if words := strings.SplitN(line, " ", 4); len(words) == 4 {
			said.WriteString(words[3])
		}
	}
	return said.String(), err
}

// Stop ends the pod's containers, as kubelet does: they are asked to, and killed when their grace period is over.
func (p *Pod) Stop(ctx context.Context) error {
	list, err := p.cri.runtime.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{PodSandboxId: p.sandbox}})
	if err != nil {
		return err
	}
	for _, c := range list.Containers {
		_, stopped := p.cri.runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: c.Id, Timeout: p.object.Spec.TerminationGracePeriodSeconds})
		err = errors.Join(err, stopped)
	}
	_, stopped := p.cri.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.sandbox})
	_, removed := p.cri.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.sandbox})
	_, deleted := p.kube.Do(ctx, http.MethodDelete, p.object.path()+"?gracePeriodSeconds=0", nil)
	return errors.Join(err, stopped, removed, deleted)
}
