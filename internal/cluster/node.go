package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
)

const nodes = "nodes"

// ErrNoNode says that the cluster has no node of a name.
var ErrNoNode = errors.New("the cluster has no such node")

func noNode(name string) error {
	return fmt.Errorf("%w: %q; NODE_NAME says what it is called there", ErrNoNode, name)
}

// NodeLabels gives the labels of a node of the cluster.
func (k *Client) NodeLabels(ctx context.Context, name string) (map[string]string, error) {
	o, err := k.get(ctx, target{resource: nodes, name: name})
	if errors.Is(err, errMissing) {
		return nil, noNode(name)
	}
	if err != nil {
		return nil, err
	}
	return o.labels(), nil
}

// Annotate gives a node of the cluster these annotations, and leaves all others alone; one that is empty goes.
func (k *Client) Annotate(ctx context.Context, name string, annotations map[string]string) error {
	values := map[string]any{}
	for key, value := range annotations {
		values[key] = value
		if value == "" {
			values[key] = nil
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": values}})
	if err != nil {
		return err
	}
	t := target{resource: nodes, name: name}
	_, err = raw(ctx, k.core.Patch(types.MergePatchType).Resource(nodes).Name(name).Body(patch))
	if err = k.problem(err, "patch", t); errors.Is(err, errMissing) {
		return noNode(name)
	}
	return err
}
