package images

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"
)

// Resolve asks the registry for the digest that a name stands for there, through the endpoints that the files below certsDir name, in
// containerd's way. The answer is what the target of the image's record would be after a pull.
// The error is an *[UnreachableError].
func Resolve(ctx context.Context, certsDir, name string) (digest string, err error) {
	defer func() { err = unreachable(name, recover(), err) }()
	ctx = silenced(ctx)
	_, target, err := resolver(ctx, certsDir).Resolve(ctx, name)
	return target.Digest.String(), err
}

// unreachable gives the error of asking a registry. Some files make the loader panic, as they do containerd.
func unreachable(name string, panicked any, err error) error {
	if panicked != nil {
		err = fmt.Errorf("reading the hosts.toml: %v", panicked)
	}
	if err != nil {
		return &UnreachableError{Reference: name, Err: err}
	}
	return nil
}

// silenced keeps containerd's code from writing to our standard error.
func silenced(ctx context.Context) context.Context {
	silent := logrus.New()
	silent.Out = io.Discard
	return log.WithLogger(ctx, logrus.NewEntry(silent))
}

func resolver(ctx context.Context, certsDir string) remotes.Resolver {
	return docker.NewResolver(docker.ResolverOptions{
		Hosts: config.ConfigureHosts(ctx, config.HostOptions{HostDir: config.HostDirFromRoot(certsDir)}),
	})
}
