package probe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// Coming is the directory of a registry in certs.d as it will be.
type Coming struct {
	Registry
	Files map[string][]byte // a word may stand in them for the credentials of the endpoints
	New   bool              // it is new to the node, and asked though containerd would ask it without any file too
}

// Ahead asks the endpoints of files that are not on the node yet, as containerd would ask them by these files. An endpoint that the registry has now, and
// that is asked in the same way, is not asked. The error is one of the caller's, or ctx's.
func Ahead(ctx context.Context, n Node, list []Coming, o Options) ([]Asked, error) {
	now := make([][]docker.RegistryHost, len(list))
	var err error
	failed := within(n.Root, func(prefix string) {
		below := n.below(prefix)
		for i := range list {
			if list[i].New {
				continue
			}
			if now[i], _, err = below.hosts(list[i].Host, o); err != nil { // of a fault nothing is the same
				return
			}
		}
	})
	if err = errors.Join(failed, err); err != nil {
		return nil, err
	}
	var all []Asked
	var r rounds
	for i, c := range list {
		hosts, err := c.hosts(n, o)
		if err != nil {
			return nil, err
		}
		for _, e := range c.Endpoints {
			j := slices.IndexFunc(hosts, func(h docker.RegistryHost) bool { return isAPI(h, e) })
			if j < 0 || slices.ContainsFunc(now[i], func(h docker.RegistryHost) bool { return sameWay(h, hosts[j]) }) {
				continue
			}
			all = append(all, Asked{
				Registry: c.Host, URL: e.API(), Mirror: !e.Upstream, Credential: e.Credential, Contact: r.add(hosts[j]),
			})
		}
	}
	return all, r.run(ctx, n.Version, o)
}

// hosts loads whom containerd will ask, with their credentials.
func (c Coming) hosts(n Node, o Options) ([]docker.RegistryHost, error) {
	hosts, err := loader.Ahead(n.major(), c.Files, c.Host, o.connect(n.HostsFile))
	for i := range hosts {
		for _, e := range c.Endpoints {
			if e.Credential != "" && isAPI(hosts[i], e) {
				hosts[i].Header = http.Header(e.Header).Clone()
			}
		}
	}
	return hosts, err
}

// isAPI reports whether a host is the endpoint, as containerd has its URL.
func isAPI(h docker.RegistryHost, e render.Endpoint) bool {
	api, err := url.PathUnescape(e.API())
	return err == nil && loader.Describe(h).URL == api
}
