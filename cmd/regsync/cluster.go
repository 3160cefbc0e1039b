package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/regsync/regsync/internal/agent"
	"github.com/regsync/regsync/internal/cluster"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// reach is how far a run reaches into the cluster.
type reach struct {
	way    *cluster.Client // there; nil: none is known. Whether anybody is at its end is another question
	client *cluster.Client // nil: not at all, and one of the next two says why
	lease  *cluster.Lease  // nil: nobody else is asked whether we may write

	// holdings are what is the owner's: at first as the last holder left word of it, and when it is looked at, with what our own ledger says.
	holdings cluster.Holdings

	elsewhere string // why the cluster's objects are not this node's to look after
	waiting   string // why they cannot be looked after yet

	namespaces []render.Namespace
	named      map[string]bool          // namespaces that the file names, and does not only match
	unlisted   map[string]*spec.Problem // pull secrets whose namespaces are not known, by name
	open       []string                 // what is not there yet
}

// clusterOf gives how the cluster is reached: as the file says, and where it asks for nothing of it any more, as it was reached before.
func (c *command) clusterOf(s *site, sp *spec.Spec, runtime render.Runtime) ledger.Cluster {
	if inCluster(sp, runtime) == "" {
		before := s.ledger.Services.Cluster
		before.Kubeconfig = cmp.Or(sp.Cluster.Kubeconfig, before.Kubeconfig)
		return before
	}
	return ledger.Cluster{Manage: sp.Cluster.Manage, Owner: sp.Cluster.Owner, Kubeconfig: sp.Cluster.Kubeconfig, Variable: c.kubeconfigs()}
}

// kubeconfigs gives what KUBECONFIG says, with absolute paths: a reset may run elsewhere.
func (c *command) kubeconfigs() string {
	var files []string
	for _, name := range filepath.SplitList(c.env("KUBECONFIG")) {
		if whole, err := filepath.Abs(name); err == nil && name != "" {
			name = whole
		}
		files = append(files, name)
	}
	return strings.Join(files, string(filepath.ListSeparator))
}

// reach finds the way to the API server and whether it is for us to write there. It is nil where nothing of the cluster is wanted, or ours:
// then nobody is asked anything.
func (c *command) reach(ctx context.Context, s *site, v ledger.Services, sp *spec.Spec) (*reach, error) {
	if inCluster(sp, v.Runtime) == "" && !ownsInCluster(s.owned) || c.baking() {
		return nil, nil
	}
	r := &reach{named: map[string]bool{}, unlisted: map[string]*spec.Problem{}}
	deadline := time.Now().Add(c.wait)
	for {
		r.elsewhere, r.waiting, r.client = "", "", nil
		err := c.connect(ctx, s, v, r)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			r.client, r.waiting = nil, err.Error()
		}
		if r.waiting == "" || errors.As(err, new(*cluster.RefusedError)) || time.Now().After(deadline) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
	if r.client == nil {
		return r, nil
	}
	if err := r.look(ctx, sp.PullSecrets); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		r.client, r.waiting = nil, err.Error()
	}
	return r, nil
}

// connect makes the client, and asks whether we are to write. An error says what is waited for.
func (c *command) connect(ctx context.Context, s *site, v ledger.Services, r *reach) error {
	switch {
	case v.Cluster.Manage == "never":
		r.elsewhere = "cluster.manage is never"
		return nil
	case worker(s, v.Runtime) && v.Cluster.Manage != "always" && v.Cluster.Kubeconfig == "":
		r.elsewhere = "this node is a worker; a node of the control plane looks after them"
		return nil
	}
	client, err := cluster.Open(c.access(s, v), "regsync/"+ownVersion())
	switch {
	case errors.Is(err, cluster.ErrNoAccess) && v.Cluster.Manage != "always" && (v.Runtime != render.MicroK8s || v.Cluster.Kubeconfig != ""):
		r.elsewhere = err.Error() + " on this node"
		return nil
	case err != nil:
		return err
	}
	r.way = client
	ask, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	if err := client.Ready(ask); err != nil {
		return err
	}
	if v.Cluster.Manage != "always" {
		r.lease = client.Lease(v.Cluster.Owner, identity(s))
		r.holdings, err = r.lease.Check(ask)
		if held := (*cluster.HeldError)(nil); errors.As(err, &held) {
			r.elsewhere = held.Error()
			return nil
		}
	}
	r.client = client
	return err
}

// worker reports whether the node is one of MicroK8s' without a control plane, whose own kubeconfig is not for looking after the cluster's objects.
func worker(s *site, runtime render.Runtime) bool {
	return runtime == render.MicroK8s && s.root.Exists(node.SnapData+"/var/lock/clustered.lock")
}

func (c *command) access(s *site, v ledger.Services) cluster.Access {
	a := cluster.Access{
		Kubeconfig: v.Cluster.Kubeconfig, Variable: cmp.Or(c.env("KUBECONFIG"), v.Cluster.Variable),
		Read: reader(s.root),
	}
	if v.Runtime == render.MicroK8s && !c.inPod() {
		a.Usual = agent.ClientConfig
	}
	return a
}

// identity is the node's name in a Lease. Machines that were cloned share a machine-id, or a host name, and seldom both.
func identity(s *site) string {
	live, err := s.root.Read("/etc/machine-id")
	if err != nil {
		live.Data = nil
	}
	return hostname(s.root) + "_" + strings.TrimSpace(string(live.Data))
}

// hold keeps the cluster's objects ours to write after an apply that had nothing to write there. Where that fails, the next apply sees to it.
func (r *reach) hold(ctx context.Context) {
	if r != nil && r.client != nil && r.lease != nil && len(r.holdings) > 0 {
		_ = r.lease.Hold(ctx, r.holdings)
	}
}

// drop lets the next node write the cluster's objects at once. Where that fails, it may when the lease has run out.
func (r *reach) drop(ctx context.Context) {
	if r != nil && r.client != nil && r.lease != nil {
		_ = r.lease.Drop(ctx)
	}
}

// look finds out which namespaces there are, as far as pull secrets are for them.
func (r *reach) look(ctx context.Context, wanted []spec.PullSecret) error {
	seen := map[string]bool{}
	var all []render.Namespace
	var refused *cluster.RefusedError
	for i := range wanted {
		if w := &wanted[i]; listed(w) && refused == nil && all == nil {
			var err error
			if all, err = r.client.Namespaces(ctx); err != nil && !errors.As(err, &refused) {
				return err
			}
		}
	}
	for _, n := range all {
		seen[n.Name] = true
	}
	r.namespaces = all
	for i := range wanted {
		w := &wanted[i]
		if refused != nil && listed(w) {
			r.unlisted[w.Name] = &spec.Problem{Position: w.Pos, Path: fmt.Sprintf("pullSecrets[%d]", i), Message: refused.Error(), Hint: refused.Hint()}
		}
		for _, name := range w.Namespaces {
			if glob(name) || r.named[name] {
				continue
			}
			r.named[name] = true
			if seen[name] {
				continue
			}
			n, there, err := render.Namespace{}, false, error(nil)
			if all == nil {
				if n, there, err = r.client.Namespace(ctx, name); err != nil {
					return err
				}
			}
			if !there {
				r.open = append(r.open, "namespace "+name+" is not there yet")
				continue
			}
			r.namespaces = append(r.namespaces, n)
		}
	}
	return nil
}

// listed reports whether all namespaces have to be known to tell which ones an entry is for.
func listed(p *spec.PullSecret) bool {
	if p.NamespaceSelector != nil {
		return true
	}
	for _, n := range p.Namespaces {
		if glob(n) {
			return true
		}
	}
	return false
}

func glob(name string) bool { return strings.ContainsAny(name, "*?[") }

func ownsInCluster(owned map[render.ID]plan.Owned) bool {
	for id := range owned {
		if id.InCluster() {
			return true
		}
	}
	return false
}
