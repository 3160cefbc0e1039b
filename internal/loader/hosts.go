package loader

import (
	"context"
	"fmt"
	"net/http"

	docker1 "github.com/containerd/containerd/remotes/docker"
	containerd1 "github.com/containerd/containerd/remotes/docker/config"
	docker2 "github.com/containerd/containerd/v2/core/remotes/docker"
	containerd2 "github.com/containerd/containerd/v2/core/remotes/docker/config"
)

// HostFunc gives those whom containerd asks for the images of a registry, in order. Each call reads the files again, as containerd does. The type is
// 2.x's, which has the fields of 1.x's.
type HostFunc func(registry string) ([]docker2.RegistryHost, error)

// Options are how hosts are loaded.
type Options struct {
	Dir    func(registry string) (string, error) // the directory to take, "" for none
	Logged *[]string                             // gets containerd's log lines; nil: nobody does
	Client func(*http.Transport)                 // may change how each client connects; nil: nobody does
}

// Hosts gives a major version's own loader. A file that ends containerd gives a *[PanicError].
func Hosts(major int, o Options) (HostFunc, error) {
	var discarded []string
	if o.Logged == nil {
		o.Logged = &discarded
	}
	ctx := logTo(o.Logged)
	update := func(c *http.Client) error {
		if t, ok := c.Transport.(*http.Transport); ok && o.Client != nil {
			o.Client(t)
		}
		return nil
	}
	switch major {
	case 1:
		return recovered(hosts1(ctx, containerd1.HostOptions{HostDir: o.Dir, UpdateClient: update})), nil
	case 2:
		return recovered(HostFunc(containerd2.ConfigureHosts(ctx, containerd2.HostOptions{HostDir: o.Dir, UpdateClient: update}))), nil
	}
	return nil, fmt.Errorf("loading hosts: %w %d", errMajor, major)
}

// hosts1 is the loader of 1.x, with its answers as 2.x has them.
func hosts1(ctx context.Context, o containerd1.HostOptions) HostFunc {
	load := containerd1.ConfigureHosts(ctx, o)
	return func(registry string) ([]docker2.RegistryHost, error) {
		list, err := load(registry)
		all := make([]docker2.RegistryHost, 0, len(list))
		for _, h := range list {
			all = append(all, docker2.RegistryHost{
				Client: h.Client, Authorizer: h.Authorizer, Host: h.Host, Scheme: h.Scheme, Path: h.Path,
				Capabilities: docker2.HostCapabilities(h.Capabilities), Header: h.Header,
			})
		}
		return all, err
	}
}

// Host1 gives a host as 1.x has it.
func Host1(h docker2.RegistryHost) docker1.RegistryHost {
	return docker1.RegistryHost{
		Client: h.Client, Authorizer: h.Authorizer, Host: h.Host, Scheme: h.Scheme, Path: h.Path,
		Capabilities: docker1.HostCapabilities(h.Capabilities), Header: h.Header,
	}
}

// Describe says what a host means to containerd.
func Describe(h docker2.RegistryHost) Endpoint {
	return endpoint(h.Scheme, h.Host, h.Path, uint8(h.Capabilities), h.Header, h.Client)
}

// PanicError says that containerd ends at a pull, with this message.
type PanicError struct{ Message string }

func (e *PanicError) Error() string { return "containerd ends: " + e.Message }

func recovered(load HostFunc) HostFunc {
	return func(registry string) (list []docker2.RegistryHost, err error) {
		defer func() {
			if p := recover(); p != nil {
				list, err = nil, &PanicError{fmt.Sprint(p)}
			}
		}()
		return load(registry)
	}
}
