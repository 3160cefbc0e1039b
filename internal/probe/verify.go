package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// atOnce is how many endpoints are asked side by side.
const atOnce = 16

// Registry is a registry, and those of whom it is to be known whether its pulls can ask them.
type Registry struct {
	Host      string // as in image references, or "*"
	Endpoints []render.Endpoint
}

// Asked is an endpoint of the spec, and what became of asking it.
type Asked struct {
	Registry   string // as in image references, or "*"
	URL        string // the API root
	Mirror     bool   // not the registry itself
	Credential string // the name of the one that it is shown; empty: none
	Contact    *Contact
}

// Verify asks the endpoints of registries, as the node's containerd would ask them by the files that are on the node now. An endpoint of which those files do
// not know is not asked, and is a failure. The error is one of the caller's, or ctx's: no right to look, no time left.
func Verify(ctx context.Context, n Node, registries []Registry, o Options) ([]Asked, error) {
	var all []Asked
	var r rounds
	var err error
	failed := within(n.Root, func(prefix string) {
		below := n.below(prefix)
		for _, registry := range registries {
			var hosts []docker.RegistryHost
			var fault error
			if hosts, fault, err = below.hosts(registry.Host, o); err != nil {
				return
			}
			for _, e := range registry.Endpoints {
				a := Asked{Registry: registry.Host, URL: e.API(), Mirror: !e.Upstream, Credential: e.Credential}
				a.Contact = r.meet(hosts, fault, e, a.Registry)
				all = append(all, a)
			}
		}
	})
	if err = errors.Join(failed, err); err != nil {
		return nil, err
	}
	return all, r.run(ctx, n.Version, o)
}

// hosts loads whom containerd asks for a registry's images. A fault is what every pull of the registry fails with.
func (n Node) hosts(registry string, o Options) (hosts []docker.RegistryHost, fault, err error) {
	if registry == spec.AnyRegistry {
		registry = loader.Anybody
	}
	load, _, err := n.load(&Road{}, registry, o)
	if err == nil {
		hosts, err = load(registry)
	}
	if errors.Is(err, ErrRoot) || errors.Is(err, fs.ErrPermission) {
		return nil, nil, err
	}
	return hosts, err, nil
}

// rounds are endpoints that are to be asked, each once, whoever needs it.
type rounds struct {
	hosts    []docker.RegistryHost
	contacts []*Contact
	byURL    map[string][]int
}

// meet finds the endpoint among those whom containerd asks, and gives where the answer will be.
func (r *rounds) meet(hosts []docker.RegistryHost, fault error, e render.Endpoint, registry string) *Contact {
	failed := func(why string) *Contact {
		return &Contact{Error: why, Credentials: Credentials{State: LoginUnknown}}
	}
	if fault != nil {
		return failed(fmt.Sprintf("every pull of %s fails: %v", registry, fault))
	}
	i := slices.IndexFunc(hosts, func(h docker.RegistryHost) bool { return isAPI(h, e) })
	switch {
	case i < 0:
		return failed("containerd does not ask it for " + registry + ": what is on the node is not what the file says")
	case e.Credential != "" && len(hosts[i].Header["Authorization"]) == 0:
		return failed("containerd does not show it the credential " + e.Credential + ": what is on the node is not what the file says")
	}
	return r.add(hosts[i])
}

// add has a host asked, unless one like it is already.
func (r *rounds) add(h docker.RegistryHost) *Contact {
	if r.byURL == nil {
		r.byURL = map[string][]int{}
	}
	api := loader.Describe(h).URL
	for _, i := range r.byURL[api] {
		if sameWay(r.hosts[i], h) {
			return r.contacts[i]
		}
	}
	r.byURL[api] = append(r.byURL[api], len(r.hosts))
	r.hosts, r.contacts = append(r.hosts, h), append(r.contacts, new(Contact))
	return r.contacts[len(r.contacts)-1]
}

// run asks all, several side by side. The error is ctx's.
func (r *rounds) run(ctx context.Context, v render.Version, o Options) error {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(atOnce, len(r.hosts)) {
		wg.Go(func() {
			for i := range next {
				*r.contacts[i] = ping(ctx, v, r.hosts[i], 4*o.wait())
			}
		})
	}
	for i := range r.hosts {
		next <- i
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// wait is how long a connection may take to come about.
func (o Options) wait() time.Duration {
	if o.Limit > 0 {
		return o.Limit
	}
	return limit
}

// sameWay reports whether two hosts are one endpoint that is asked in one way. What it may do by its capabilities does not matter.
func sameWay(a, b docker.RegistryHost) bool {
	return loader.Describe(a).URL == loader.Describe(b).URL && maps.EqualFunc(a.Header, b.Header, slices.Equal) && sameTLS(tlsOf(a), tlsOf(b))
}

// tlsOf is how a host is connected to; nil where containerd's own transport hides it, of a loopback or an http endpoint with TLS keys.
func tlsOf(h docker.RegistryHost) *tls.Config {
	if t, ok := h.Client.Transport.(*http.Transport); ok {
		return t.TLSClientConfig
	}
	return nil
}

func sameTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	certificates := func(c *tls.Config) (all [][]byte) {
		for _, pair := range c.Certificates {
			all = append(all, slices.Concat(pair.Certificate...))
		}
		return all
	}
	return a.InsecureSkipVerify == b.InsecureSkipVerify && a.RootCAs.Equal(b.RootCAs) &&
		slices.EqualFunc(certificates(a), certificates(b), slices.Equal)
}
