package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/regsync/regsync/internal/agent"
	"github.com/regsync/regsync/internal/capture"
	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// granted adds the pull secrets of the cluster, where this node has a way to it.
func (c *command) granted(ctx context.Context, s *site, way spec.Cluster, runtime render.Runtime, n *capture.Node) {
	if way.Manage == "never" {
		return
	}
	if c.baking() {
		kubeconfig := way.Kubeconfig
		if kubeconfig == "" && runtime == render.MicroK8s {
			kubeconfig = agent.ClientConfig
		}
		if kubeconfig != "" && s.root.Exists(kubeconfig) {
			n.Unseen = append(n.Unseen, "the cluster's pull secrets, which take an API server that runs")
		}
		return
	}
	if worker(s, runtime) && way.Manage != "always" && way.Kubeconfig == "" {
		n.Unseen = append(n.Unseen, "the cluster's pull secrets: this node is a worker; a node of the control plane looks after them")
		return
	}
	client, err := cluster.Open(c.access(s, ledger.Services{Runtime: runtime, Cluster: ledger.Cluster{Kubeconfig: way.Kubeconfig}}), "regsync/"+ownVersion())
	if errors.Is(err, cluster.ErrNoAccess) {
		return
	}
	if err == nil {
		ask, cancel := context.WithTimeout(ctx, resolveTime)
		defer cancel()
		n.Cluster = way
		n.Secrets, err = client.PullSecrets(ask, cmp.Or(way.Owner, "regsync"), n.Digest)
	}
	if err == nil {
		return
	}
	if refused := (*cluster.RefusedError)(nil); errors.As(err, &refused) {
		err = fmt.Errorf("%w; %s", err, refused.Hint())
	}
	n.Unseen = append(n.Unseen, fmt.Sprintf("the cluster's pull secrets: %v", err))
}

// passing gives digests with a key that is forgotten at the end of the run.
func passing() func(string) string {
	key := rand.Text()
	return func(text string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		return string(mac.Sum(nil))
	}
}
