package images

import (
	"context"
	"io"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"
)

// Hosts tells whom containerd asks for the images of a registry, as it stands in references, in this order.
type Hosts = docker.RegistryHosts

// Resolve asks the registry for the digest that a name stands for there, in containerd's way. The answer is what the target of the image's
// record would be after a pull. The error is an *[UnreachableError].
func Resolve(ctx context.Context, hosts Hosts, name string) (digest string, err error) {
	_, target, err := resolver(hosts).Resolve(silenced(ctx), name)
	if err != nil {
		return "", &UnreachableError{Reference: name, Err: err}
	}
	return target.Digest.String(), nil
}

// silenced keeps containerd's code from writing to our standard error.
func silenced(ctx context.Context) context.Context {
	silent := logrus.New()
	silent.Out = io.Discard
	return log.WithLogger(ctx, logrus.NewEntry(silent))
}

func resolver(hosts Hosts) remotes.Resolver {
	return docker.NewResolver(docker.ResolverOptions{Hosts: hosts})
}
