package images

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"
)

// Resolve asks the registry for the digest that a name stands for there, through the endpoints that the files below certsDir name, in
// containerd's way. The answer is what the target of the image's record would be after a pull.
// The error is an *[UnreachableError].
func Resolve(ctx context.Context, certsDir, name string) (digest string, err error) {
	defer func() {
		// Some files make the loader panic, as they do containerd.
		if p := recover(); p != nil {
			err = fmt.Errorf("reading the hosts.toml: %v", p)
		}
		if err != nil {
			err = &UnreachableError{Reference: name, Err: err}
		}
	}()
	silent := logrus.New()
	silent.Out = io.Discard
	ctx = log.WithLogger(ctx, logrus.NewEntry(silent))
	resolver := docker.NewResolver(docker.ResolverOptions{
		Hosts: config.ConfigureHosts(ctx, config.HostOptions{HostDir: config.HostDirFromRoot(certsDir)}),
	})
	_, target, err := resolver.Resolve(ctx, name)
	return target.Digest.String(), err
}
