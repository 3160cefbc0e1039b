package probe

import (
	"errors"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// Hosts gives what tells whom the node's containerd asks for the images of a registry, by the files that are on the node now: in its order, and ready to be asked from here.
func Hosts(n Node, o Options) docker.RegistryHosts {
	return func(registry string) (hosts []docker.RegistryHost, err error) {
		if n.Broken != "" {
			return nil, errors.New(n.Broken)
		}
		var fault error
		failed := within(n.Root, func(prefix string) { hosts, fault, err = n.below(prefix).hosts(registry, o) })
		return hosts, errors.Join(failed, err, fault)
	}
}
