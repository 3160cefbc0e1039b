package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsync/regsync/internal/agent"
	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/internal/node"
)

// nodeKubeconfigs are where a node of a cluster has a kubeconfig, the one that may do least first: kubelet's own, of MicroK8s and of kubeadm,
// and that of MicroK8s' administrator, which only its control plane has.
var nodeKubeconfigs = []string{node.SnapData + "/credentials/kubelet.config", "/etc/kubernetes/kubelet.conf", agent.ClientConfig}

// inPod reports whether we run in a pod that looks after the node it is on. Then its service account speaks, and not the node.
func (c *command) inPod() bool { return c.host != "" && c.env("KUBERNETES_SERVICE_HOST") != "" }

// kubernetesNode gives the way to the API server by which this node is looked at, and the name that it has there: NODE_NAME, which the
// DaemonSet sets, or the host's name, as kubelet makes one of it. What the file says of the cluster does not count: an overlay may change it.
func (c *command) kubernetesNode(root *node.Root) (*cluster.Client, string, error) {
	name := c.env("NODE_NAME")
	if name == "" {
		name = strings.ToLower(hostname(root))
	}
	access := cluster.Access{Variable: c.env("KUBECONFIG"), Read: reader(root)}
	if there := slices.IndexFunc(nodeKubeconfigs, root.Exists); there >= 0 && !c.inPod() {
		access.Usual = nodeKubeconfigs[there]
	}
	client, err := cluster.Open(access, "regsync/"+ownVersion())
	return client, name, err
}

// reader reads files of a node. The error of one that is not there is fs.ErrNotExist.
func reader(root *node.Root) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		live, err := root.Read(name)
		if err == nil && live.Data == nil {
			err = fs.ErrNotExist
		}
		return live.Data, err
	}
}

// nodeLabels gives what asks the cluster, once, for the labels of this node, as long as --wait allows; nil where there is no node to ask for.
// Where the API server is away, those that it last told this process of count: a watch goes on healing what it knows.
func (c *command) nodeLabels(ctx context.Context, root *node.Root) func() (map[string]string, error) {
	if root == nil || c.baking() {
		return nil
	}
	return sync.OnceValues(func() (map[string]string, error) {
		deadline := time.Now().Add(c.wait)
		for {
			labels, err := c.askLabels(ctx, root)
			if err == nil {
				c.labels = labels
			}
			final := errors.As(err, new(*cluster.RefusedError)) || errors.Is(err, cluster.ErrNoNode)
			if err == nil || final {
				return labels, err
			}
			if c.labels != nil {
				return c.labels, nil
			}
			if time.Now().After(deadline) {
				return nil, err
			}
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(time.Second):
			}
		}
	})
}

func (c *command) askLabels(ctx context.Context, root *node.Root) (map[string]string, error) {
	client, name, err := c.kubernetesNode(root)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	return client.NodeLabels(ctx, name)
}
