package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/util/retry"
)

// leaseTime is how long a node may write the cluster's objects after it has last done so. While several nodes are set up at once, or each
// of them runs regsync every few minutes, one of them goes on writing; when that one is gone for good, another may soon begin.
const leaseTime = 10 * time.Minute

// leaseNamespace is where the Lease is: every cluster has this namespace, and it is where components keep theirs.
const leaseNamespace = "kube-system"

// Lease says which of several nodes writes the objects of an owner.
type Lease struct {
	client *Client
	t      target
	owner  string
	me     string
	fresh  bool // it was ours, and renewed not long ago, when we last saw it
}

// Lease gives the Lease of an owner's objects, as a node sees it. me must be another word on each node.
func (k *Client) Lease(owner, me string) *Lease {
	return &Lease{client: k, t: target{leases, leaseNamespace, "regsync-" + owner}, owner: owner, me: me}
}

// HeldError says that another node writes the objects of the cluster.
type HeldError struct {
	By    string    // the other node
	Until time.Time // by the API server's clock, unless it writes again until then
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("node %s writes the cluster's objects; from %s on another may", e.By, e.Until.UTC().Format(time.RFC3339))
}

// Check gives what the last holder has left word of, and fails with a *HeldError where another node holds the lease. It changes nothing.
func (l *Lease) Check(ctx context.Context) (Holdings, error) {
	o, err := l.client.get(ctx, l.t)
	if err != nil && !errors.Is(err, errMissing) {
		return nil, err
	}
	renewed, _ := time.Parse(time.RFC3339Nano, o.text("spec", "renewTime")) //nolint:errcheck // then it was long ago
	l.fresh = o.text("spec", "holderIdentity") == l.me && l.client.clock.now().Sub(renewed) < leaseTime/3
	return o.holdings(), l.held(o)
}

// Hold takes the lease, or renews it, though there is nothing to be written: while a node goes on to find everything as it should be, no
// other one is to make it otherwise. One that was renewed not long ago is left alone.
func (l *Lease) Hold(ctx context.Context, now Holdings) error {
	if l.fresh {
		return nil
	}
	return l.Take(ctx, now)
}

// Take takes the lease, or renews it, and leaves word of what is about to be ours. It fails with a *HeldError where another node holds it. Of
// several nodes that try at the same time one gets it: the API server takes one write on the version that each of them has read.
func (l *Lease) Take(ctx context.Context, coming Holdings) error {
	return retry.OnError(patience, again, func() error {
		o, err := l.client.get(ctx, l.t)
		if err != nil && !errors.Is(err, errMissing) {
			return err
		}
		if err := l.held(o); err != nil {
			return err
		}
		write := l.client.update
		if o == nil {
			o, write = l.empty(), l.client.create
		}
		l.fresh = true
		o.set(coming.with(o.holdings()).encode(), "metadata", "annotations", objectsAnnotation)
		return write(ctx, l.t, l.renewed(o))
	})
}

// Drop gives the lease up for good, if it is ours.
func (l *Lease) Drop(ctx context.Context) error {
	o, err := l.client.get(ctx, l.t)
	switch {
	case errors.Is(err, errMissing):
		return nil
	case err != nil:
		return err
	case o.text("spec", "holderIdentity") != l.me:
		return nil
	}
	if err := l.client.remove(ctx, l.t, o); !errors.Is(err, errMissing) && !errors.Is(err, errConflict) {
		return err
	}
	return nil // somebody has it now, or it is gone
}

// held says who else holds the lease now; nil where nobody does. Both times are of the API server's clock: the holder wrote down what the
// server had just told it, and this is what the server tells us. One that lies further ahead than a lease lasts comes from a clock
// that was wrong, and is nobody's.
func (l *Lease) held(o object) error {
	holder := o.text("spec", "holderIdentity")
	if o == nil || holder == "" || holder == l.me {
		return nil
	}
	renewed, err := time.Parse(time.RFC3339Nano, o.text("spec", "renewTime"))
	if err != nil {
		return nil //nolint:nilerr // nobody ever renewed it
	}
	left := renewed.Add(leaseTime).Sub(l.client.clock.now())
	if left <= 0 || left > 2*leaseTime {
		return nil
	}
	name, _, _ := strings.Cut(holder, "_")
	return &HeldError{By: name, Until: renewed.Add(leaseTime)}
}

func (l *Lease) empty() object {
	return object{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
		"metadata": map[string]any{
			"name": l.t.name, "namespace": l.t.namespace,
			"labels": map[string]any{managedByLabel: "regsync", OwnerLabel: l.owner},
		},
		"spec": map[string]any{},
	}
}

// microTime is how Kubernetes writes a time of a Lease (metav1.RFC3339Micro).
const microTime = "2006-01-02T15:04:05.000000Z07:00"

// renewed gives the lease as held by us from now on.
func (l *Lease) renewed(o object) object {
	now := l.client.clock.now().UTC().Format(microTime)
	spec, _ := o["spec"].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
	}
	if was, _ := spec["holderIdentity"].(string); was != l.me {
		spec["holderIdentity"], spec["acquireTime"] = l.me, now
		times, _ := spec["leaseTransitions"].(float64)
		if was != "" {
			spec["leaseTransitions"] = times + 1
		}
	}
	spec["renewTime"], spec["leaseDurationSeconds"] = now, int(leaseTime.Seconds())
	o["spec"] = spec
	return o
}
