package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// patience is how often, and after which pauses, a change is tried anew that somebody else's came before: some ten seconds in all.
var patience = wait.Backoff{Steps: 30, Duration: 5 * time.Millisecond, Factor: 1.3, Jitter: 0.5, Cap: time.Second}

// references gives the names of a service account's imagePullSecrets, in order.
func (o object) references() []string {
	var names []string
	list, _ := o["imagePullSecrets"].([]any)
	for _, entry := range list {
		names = append(names, nameOf(entry))
	}
	return names
}

// nameOf gives the name in an entry of imagePullSecrets.
func nameOf(entry any) string {
	m, _ := entry.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

// changeReferences adds the references that a change adds, and takes away those that it takes away. Whatever else has come into the list since
// the plan was made, or goes out of it, is not ours.
func (k *Client) changeReferences(ctx context.Context, c plan.Change) error {
	added, removed := render.Renamed(c.Before, c.After)
	t := targetOf(c.ID)
	o, err := k.get(ctx, t)
	switch {
	case errors.Is(err, errMissing) && len(added) == 0:
		return nil
	case errors.Is(err, errMissing):
		return &ChangedError{"it is not there any more"}
	case err != nil:
		return err
	}
	list := []any{}
	found, _ := o["imagePullSecrets"].([]any)
	for _, entry := range found {
		if !slices.Contains(removed, nameOf(entry)) {
			list = append(list, entry)
		}
	}
	for _, name := range added {
		if !slices.Contains(o.references(), name) {
			list = append(list, map[string]any{"name": name})
		}
	}
	o["imagePullSecrets"] = list
	return k.update(ctx, t, o)
}
