package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// KubeNode stands in for the one node of a cluster: for its scheduler, its kubelet, the provisioner of MicroK8s' hostpath storage and the
// way from a node port to a pod. A pod that could run is said to run; that of MicroK8s' registry is a registry of the rig's.
type KubeNode struct {
	kube   *KubeClient
	cancel context.CancelFunc
	done   chan struct{}

	mu        sync.Mutex
	noStorage bool
	noImages  bool
	registry  *Registry // nil: it does not run
	cri       *CRI      // nil: nothing is pulled

	pulled map[string]string // pod's UID/container to the ID of its image
}

// StartKubeNode starts it.
func StartKubeNode(kube *KubeClient) *KubeNode {
	ctx, cancel := context.WithCancel(context.Background())
	n := &KubeNode{kube: kube, cancel: cancel, done: make(chan struct{}), pulled: map[string]string{}}
	go n.run(ctx)
	return n
}

// Suffer lets the provisioner give no volumes, or no image be pulled, from now on.
func (n *KubeNode) Suffer(noStorage, noImages bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.noStorage, n.noImages = noStorage, noImages
}

// Push puts a random image into the built-in registry, if that runs: see [Registry.Push].
func (n *KubeNode) Push(repositoryAndTag string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.registry == nil {
		return "", errors.New("the built-in registry does not run")
	}
	return n.registry.Push(repositoryAndTag)
}

// Stop ends it.
func (n *KubeNode) Stop() {
	n.cancel()
	<-n.done
}

func (n *KubeNode) run(ctx context.Context) {
	defer close(n.done)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		_ = n.round(ctx) // what fails in one round is tried in the next
		select {
		case <-ctx.Done():
			n.expose(false)
			return
		case <-again.C:
		}
	}
}

type kubePod struct {
	Metadata struct {
		Name, Namespace   string
		UID               string
		DeletionTimestamp string
		Labels            map[string]string
	}
	Spec struct {
		NodeName           string
		ServiceAccountName string
		ImagePullSecrets   []struct{ Name string }
		Containers         []struct{ Name, Image, ImagePullPolicy string }
		Volumes            []struct {
			PersistentVolumeClaim struct{ ClaimName string }
		}
	}
}

func (p kubePod) path() string {
	return "/api/v1/namespaces/" + p.Metadata.Namespace + "/pods/" + p.Metadata.Name
}

func (n *KubeNode) round(ctx context.Context) error {
	var pods struct{ Items []kubePod }
	if err := n.ask(ctx, "/api/v1/pods", &pods); err != nil {
		return err
	}
	if err := n.dropVolumes(ctx); err != nil {
		return err
	}
	serves := false
	for _, p := range pods.Items {
		ready, err := n.pod(ctx, p)
		if err != nil {
			return err
		}
		serves = serves || ready && p.Metadata.Namespace == "container-registry" && p.Metadata.Labels["app"] == "registry"
	}
	var service struct {
		Spec struct{ Ports []struct{ NodePort int } }
	}
	err := n.ask(ctx, "/api/v1/namespaces/container-registry/services/registry", &service)
	n.expose(serves && err == nil && len(service.Spec.Ports) == 1 && service.Spec.Ports[0].NodePort == 32000)
	return nil
}

func (n *KubeNode) ask(ctx context.Context, path string, into any) error {
	answer, err := n.kube.Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// pod brings a pod one step further, and reports whether it is ready.
func (n *KubeNode) pod(ctx context.Context, p kubePod) (bool, error) {
	if p.Metadata.DeletionTimestamp != "" {
		_, err := n.kube.Do(ctx, http.MethodDelete, p.path()+"?gracePeriodSeconds=0", nil)
		return false, err
	}
	for _, v := range p.Spec.Volumes {
		name := v.PersistentVolumeClaim.ClaimName
		if name == "" {
			continue
		}
		if bound, err := n.claim(ctx, p.Metadata.Namespace, name); err != nil || !bound {
			return false, err // the scheduler leaves it Pending
		}
	}
	if p.Spec.NodeName == "" {
		_, err := n.kube.Do(ctx, http.MethodPost, p.path()+"/binding", map[string]any{
			"metadata": map[string]any{"name": p.Metadata.Name}, "target": map[string]any{"kind": "Node", "name": "node"},
		})
		return false, err
	}
	ids, failed := n.pull(ctx, p)
	_, err := n.kube.Do(ctx, http.MethodPatch, p.path()+"/status", map[string]any{"status": podStatus(p, ids, failed)})
	return failed == nil, err
}

// podStatus is what kubelet reports of a pod that runs on images with these IDs, or whose images cannot be pulled.
func podStatus(p kubePod, ids []string, failed error) map[string]any {
	type object = map[string]any
	is, phase, ready := "False", "Pending", failed == nil
	if ready {
		is, phase = "True", "Running"
	}
	var containers []object
	for i, c := range p.Spec.Containers {
		id, state := "", object{"running": object{}, "waiting": nil}
		if !ready {
			state = object{"running": nil, "waiting": object{
				"reason":  "ImagePullBackOff",
				"message": fmt.Sprintf("Back-off pulling image %q: %v", c.Image, failed),
			}}
		} else {
			id = ids[i]
		}
		containers = append(containers, object{"name": c.Name, "image": c.Image, "imageID": id, "ready": ready, "restartCount": 0, "state": state})
	}
	conditions := []object{{"type": "PodScheduled", "status": "True"}}
	for _, kind := range []string{"Initialized", "ContainersReady", "Ready"} {
		conditions = append(conditions, object{"type": kind, "status": is, "lastTransitionTime": "2026-01-02T03:04:05Z"})
	}
	return object{"phase": phase, "conditions": conditions, "containerStatuses": containers}
}

// claim gives a claim of the hostpath class a volume, and reports whether it is bound.
func (n *KubeNode) claim(ctx context.Context, namespace, name string) (bool, error) {
	var claim struct {
		Metadata struct{ UID string }
		Spec     struct {
			StorageClassName string
			AccessModes      []string
			Resources        struct{ Requests map[string]string }
		}
		Status struct{ Phase string }
	}
	path := "/api/v1/namespaces/" + namespace + "/persistentvolumeclaims/" + name
	if err := n.ask(ctx, path, &claim); err != nil {
		return false, err
	}
	n.mu.Lock()
	noStorage := n.noStorage
	n.mu.Unlock()
	if claim.Status.Phase == "Bound" || claim.Spec.StorageClassName != "microk8s-hostpath" {
		return claim.Status.Phase == "Bound", nil
	}
	// The scheduler says where the volume is to be; from then on the volume binder waits for the provisioner, and says so.
	chosen := map[string]any{"metadata": map[string]any{"annotations": map[string]string{"volume.kubernetes.io/selected-node": "node"}}}
	if _, err := n.kube.Do(ctx, http.MethodPatch, path, chosen); err != nil || noStorage {
		return false, err
	}
	volume := "pvc-" + claim.Metadata.UID
	_, err := n.kube.Do(ctx, http.MethodPost, "/api/v1/persistentvolumes", map[string]any{
		"metadata": map[string]any{"name": volume, "annotations": map[string]string{"pv.kubernetes.io/provisioned-by": "microk8s.io/hostpath"}},
		"spec": map[string]any{
			"capacity": claim.Spec.Resources.Requests, "accessModes": claim.Spec.AccessModes, "storageClassName": "microk8s-hostpath",
			"persistentVolumeReclaimPolicy": "Delete", "hostPath": map[string]any{"path": SnapCommon + "/default-storage/" + volume},
			"claimRef": map[string]any{"namespace": namespace, "name": name, "uid": claim.Metadata.UID, "apiVersion": "v1", "kind": "PersistentVolumeClaim"},
		},
	})
	return false, err
}

// dropVolumes deletes what the provisioner has made for claims that are gone.
func (n *KubeNode) dropVolumes(ctx context.Context) error {
	var volumes struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct{ Phase string }
		}
	}
	if err := n.ask(ctx, "/api/v1/persistentvolumes", &volumes); err != nil {
		return err
	}
	for _, v := range volumes.Items {
		if slices.Contains([]string{"Released", "Failed"}, v.Status.Phase) {
			if _, err := n.kube.Do(ctx, http.MethodDelete, "/api/v1/persistentvolumes/"+v.Metadata.Name, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// expose lets the registry answer at its node port, or no longer.
func (n *KubeNode) expose(serves bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case serves && n.registry == nil:
		n.registry, _ = StartRegistry("127.0.0.1:32000", nil) // taken by somebody else: tried again in the next round
	case !serves && n.registry != nil:
		n.registry.Close()
		n.registry = nil
	}
}
