package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Kubelets stand in for the kubelets of a cluster's nodes, with their runtimes. A node is a directory that holds its file system. What is bound to it
// runs as processes of this machine, see [kubeletPod]; where pods belong, and when they go, is the controllers' and the scheduler's affair.
type Kubelets struct {
	kube    *Kube
	dir     string // with a directory for each node
	program string // what the image of every container has
	cancel  context.CancelFunc
	deaf    chan struct{} // closed when no event is heard any more
	work    sync.WaitGroup

	mu      sync.Mutex
	nodes   map[string]bool        // whether they are on
	pods    map[string]podObject   // by UID, as they were seen last
	running map[string]*kubeletPod // by UID
	peak    int                    // how many nodes were without a ready pod at once
}

// StartKubelets starts them without any node. dir is an empty directory of theirs, program what runs in the place of images.
func StartKubelets(kube *Kube, dir, program string) *Kubelets {
	ctx, cancel := context.WithCancel(context.Background())
	k := &Kubelets{
		kube: kube, dir: dir, program: program, cancel: cancel, deaf: make(chan struct{}),
		nodes: map[string]bool{}, pods: map[string]podObject{}, running: map[string]*kubeletPod{},
	}
	go func() {
		defer close(k.deaf)
		kube.Watch(ctx, "/api/v1/pods", k.see) // to the end of the API server
	}()
	return k
}

// Stop ends them and all that they run.
func (k *Kubelets) Stop() {
	k.cancel()
	<-k.deaf // from here on nothing is started
	for _, pod := range k.running {
		pod.kill()
	}
	k.work.Wait()
}

// Root is the directory that holds a node's file system.
func (k *Kubelets) Root(node string) string { return filepath.Join(k.dir, node) }

// Nodes are the nodes that have joined, by name.
func (k *Kubelets) Nodes() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.nodes))
}

// Join registers a node as kubelet does: what stands of it in the cluster already, labels and taints, stays. One that is not ready has no pod
// network, and runs what needs none.
func (k *Kubelets) Join(ctx context.Context, node string, ready bool) error {
	root := k.Root(node)
	for _, dir := range []string{"etc", "run", "var/lib"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(root, "etc/hosts"), []byte("127.0.0.1 localhost\n"), 0o644); err != nil {
		return err
	}
	object := fmt.Appendf(nil, "apiVersion: v1\nkind: Node\nmetadata:\n  name: %s\n  labels: {kubernetes.io/hostname: %[1]s, kubernetes.io/os: linux}\n", node)
	if err := k.kube.Apply(ctx, "kubelet", object); err != nil {
		return err
	}
	condition := "False"
	if ready {
		condition = "True"
	}
	if err := k.report(ctx, node, condition); err != nil {
		return err
	}
	k.turn(node, true)
	return nil
}

// report says how a node is: True, False, or Unknown.
func (k *Kubelets) report(ctx context.Context, node, ready string) error {
	room := map[string]string{"cpu": "4", "memory": "8Gi", "pods": "110"}
	_, err := k.kube.Do(ctx, http.MethodPatch, "/api/v1/nodes/"+node+"/status", map[string]any{"status": map[string]any{
		"capacity": room, "allocatable": room,
		"conditions": []map[string]any{{"type": "Ready", "status": ready, "reason": "Rig", "lastTransitionTime": now(), "lastHeartbeatTime": now()}},
	}})
	return err
}

// turn lets a node run what is bound to it, or cuts it off from power.
func (k *Kubelets) turn(node string, on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.nodes[node] = on
	for uid, pod := range k.pods {
		if pod.Spec.NodeName == node {
			k.settle(uid)
		}
	}
	k.count()
}

// Off cuts a node off from power, and says of it and of its pods what kube-controller-manager says when it has heard nothing for 40 s.
func (k *Kubelets) Off(ctx context.Context, node string) error {
	k.turn(node, false)
	err := k.report(ctx, node, "Unknown")
	for _, pod := range k.of(node) {
		lost := map[string]any{"conditions": conditions("False", now())}
		_, refused := k.kube.Do(ctx, http.MethodPatch, pod.path()+"/status", map[string]any{"status": lost})
		err = errors.Join(err, refused)
	}
	return err
}

// of are the pods of a node.
func (k *Kubelets) of(node string) []podObject {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(k.pods)), func(p podObject) bool { return p.Spec.NodeName != node })
}

// On brings a node back.
func (k *Kubelets) On(ctx context.Context, node string) error {
	k.turn(node, true)
	return k.report(ctx, node, "True")
}

// Leave cuts a node off from power for good, and takes it out of the cluster.
func (k *Kubelets) Leave(ctx context.Context, node string) error {
	k.turn(node, false)
	k.mu.Lock()
	delete(k.nodes, node)
	k.mu.Unlock()
	_, err := k.kube.Do(ctx, http.MethodDelete, "/api/v1/nodes/"+node, nil)
	return err
}

// see takes an event of a pod.
func (k *Kubelets) see(e WatchEvent) error {
	var pod podObject
	if err := json.Unmarshal(e.Object, &pod); err != nil {
		return err
	}
	uid := pod.Metadata.UID
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pods[uid] = pod
	if e.Type == "DELETED" {
		delete(k.pods, uid)
	}
	k.settle(uid)
	k.count()
	return nil
}

// settle has a pod run where it is bound to a node that is on, and nowhere else.
func (k *Kubelets) settle(uid string) {
	pod, there := k.pods[uid]
	runs := k.running[uid]
	switch on := there && k.nodes[pod.Spec.NodeName]; {
	case on && runs == nil:
		k.running[uid] = k.start(pod)
	case on:
		runs.tell(pod)
	case runs != nil:
		runs.kill()
		delete(k.running, uid)
	}
}

// Peak gives how many nodes were without a ready pod at once, since it was last asked.
func (k *Kubelets) Peak() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	peak := k.peak
	k.peak = k.unready()
	return peak
}

func (k *Kubelets) count() { k.peak = max(k.peak, k.unready()) }

func (k *Kubelets) unready() int {
	ready := map[string]bool{}
	for _, pod := range k.pods {
		if pod.Metadata.DeletionTimestamp == "" && pod.ready() {
			ready[pod.Spec.NodeName] = true
		}
	}
	unready := 0
	for node := range k.nodes {
		if !ready[node] {
			unready++
		}
	}
	return unready
}
