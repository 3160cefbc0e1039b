package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"k8s.io/client-go/util/retry"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Holdings are the objects of an owner. The node that writes them leaves word of them in the Lease: each node has a ledger of its own, and
// the one that comes after it has to know what to give back. It is written before anything is changed, with what will be, and after
// it, as it is.
type Holdings map[render.ID]plan.Owned

// objectsAnnotation is where they stand on the Lease. More than Kubernetes takes (256 KiB of annotations) is not written: then the next
// holder knows what it wants itself, by its mark, and nothing else.
const (
	objectsAnnotation = "regsync.dev/objects"
	maxAnnotation     = 250 << 10
)

// holding is one object, as it is written down.
type holding struct {
	Kind  render.Kind `json:"kind"`
	Name  string      `json:"name"`
	Names []string    `json:"names,omitempty"` // of a service account: references that are ours
	Found bool        `json:"found,omitempty"` // somebody else's secret stood there before, and what it was is known to the node that took it over; or an add-on was enabled
}

// encode gives the annotation; nothing of a secret's content is in it.
func (h Holdings) encode() string {
	list := make([]holding, 0, len(h))
	for id, o := range h {
		x := holding{Kind: id.Kind, Name: id.Name, Found: id.Kind == render.KindSecret && (o.Found || o.Before.Data != nil)}
		if id.Kind == render.KindAddon {
			x.Found = o.Found
		}
		if id.Kind == render.KindServiceAccount {
			x.Names, _ = render.Renamed(o.Before.Data, o.Body)
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(x, y holding) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name)) })
	data, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings only
	}
	if len(list) == 0 || len(data) > maxAnnotation {
		return ""
	}
	return string(data)
}

// holdings reads the annotation. What somebody has edited beyond reading is none.
func (o object) holdings() Holdings {
	h := Holdings{}
	var list []holding
	metadata, _ := o["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	text, _ := annotations[objectsAnnotation].(string)
	if json.Unmarshal([]byte(text), &list) != nil {
		return h
	}
	for _, x := range list {
		id := render.ID{Kind: x.Kind, Name: x.Name}
		switch {
		case x.Kind == render.KindAddon:
			h[id] = plan.Owned{Found: x.Found}
		case strings.Count(x.Name, "/") != 1 || !id.InCluster():
		case x.Kind == render.KindSecret:
			h[id] = plan.Owned{Sensitive: true, Found: x.Found}
		default:
			h[id] = plan.Owned{Scope: render.Names, Body: render.NameList(x.Names), Before: plan.Original{Data: []byte{}}}
		}
	}
	return h
}

// with gives h and what other has beside it. Of what is in both, h counts.
func (h Holdings) with(other Holdings) Holdings {
	all := maps.Clone(other)
	maps.Copy(all, h)
	return all
}

// Record leaves word of what is ours now, if the lease is ours still.
func (l *Lease) Record(ctx context.Context, now Holdings) error {
	return retry.OnError(patience, again, func() error {
		o, err := l.client.get(ctx, l.t)
		if errors.Is(err, errMissing) || err == nil && o.text("spec", "holderIdentity") != l.me {
			return nil
		}
		if err != nil {
			return err
		}
		if o.holdings().encode() == now.encode() {
			return nil
		}
		o.set(now.encode(), "metadata", "annotations", objectsAnnotation)
		return l.client.update(ctx, l.t, o)
	})
}
