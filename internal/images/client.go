package images

import (
	"context"

	containersapi "github.com/containerd/containerd/api/services/containers/v1"
	introspectionapi "github.com/containerd/containerd/api/services/introspection/v1"
	namespacesapi "github.com/containerd/containerd/api/services/namespaces/v1"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"google.golang.org/grpc"
)

// client makes those calls of containerd's API that images need, by the generated API and with the types of containerd's packages. containerd's
// own client makes them too, but what it brings along for containers, sandboxes and transfers costs each start of the program a millisecond
// ([ADR 22](../../docs/adr/0022-start.md)).
// Errors are those of containerd/errdefs.
type client struct{ conn grpc.ClientConnInterface }

// Plugins gives the plugins that pass one of the filters.
func (c *client) Plugins(ctx context.Context, filters ...string) ([]*introspectionapi.Plugin, error) {
	answer, err := introspectionapi.NewIntrospectionClient(c.conn).Plugins(ctx, &introspectionapi.PluginsRequest{Filters: filters})
	return answer.GetPlugins(), errgrpc.ToNative(err)
}

// Namespaces gives the names of all namespaces.
func (c *client) Namespaces(ctx context.Context) ([]string, error) {
	answer, err := namespacesapi.NewNamespacesClient(c.conn).List(ctx, &namespacesapi.ListNamespacesRequest{})
	var names []string
	for _, namespace := range answer.GetNamespaces() {
		names = append(names, namespace.Name)
	}
	return names, errgrpc.ToNative(err)
}

// Containers gives the records of all containers of the namespace.
func (c *client) Containers(ctx context.Context) (list []*containersapi.Container, err error) {
	stream, err := containersapi.NewContainersClient(c.conn).ListStream(ctx, &containersapi.ListContainersRequest{})
	if err != nil {
		return nil, errgrpc.ToNative(err)
	}
	return list, each(stream.Recv, func(answer *containersapi.ListContainerMessage) error {
		list = append(list, answer.Container)
		return nil
	})
}
