package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/spec"
)

// dockerCerts is where dockerd looks for certificates of a registry, in a directory named as it is (CertsDir in moby's registry).
const dockerCerts = "/etc/docker/certs.d"

// Docker is what is known of a node's dockerd.
type Docker struct {
	Root     string
	Version  string // empty: it was not asked
	File     string // daemon.json
	Mirrors  []string
	Insecure []string // host, host:port, CIDR
	Notes    []string

	certs string // where its certificates are, as this process names it
}

// ExplainDocker explains the road of one docker pull: mirrors for Docker Hub only, then the registry; an insecure one by https that is not
// verified, and then by http (lookupV2Endpoints in moby's registry).
func ExplainDocker(ctx context.Context, d Docker, image string, o Options) (Road, error) {
	ref, err := spec.ParseReference(image)
	if err != nil {
		return Road{}, err
	}
	road := Road{Image: ref.String(), Runtime: "docker", Version: d.Version, File: d.File, Probed: o.Probe, Notes: slices.Clone(d.Notes)}
	err = within(d.Root, func(prefix string) {
		d.certs = prefix + dockerCerts
		defer road.strip(prefix)
		hosts, notes, err := d.hosts(ref.Domain, o)
		road.Notes = append(road.Notes, notes...)
		if err != nil {
			road.Error = err.Error()
			return
		}
		for i, h := range hosts {
			road.Endpoints = append(road.Endpoints, describe(h, hostsFile{dir: filepath.Join(d.certs, h.Host)}, h.Host == ref.Domain || i == len(hosts)-1))
		}
		if o.Probe {
			road.walk(ctx, 2, func(string) ([]docker.RegistryHost, error) { return hosts, nil }, hosts, ref, o)
		}
	})
	if err != nil {
		return Road{}, err
	}
	road.Verdict = verdict(road, ref)
	return road, nil
}

// hosts gives those whom dockerd asks, in order.
func (d Docker) hosts(registry string, o Options) (all []docker.RegistryHost, notes []string, err error) {
	type ask struct{ scheme, host string }
	var asks []ask
	if registry == "docker.io" {
		for _, m := range d.Mirrors {
			u, err := url.Parse(m)
			if err != nil {
				return nil, nil, fmt.Errorf("mirror %q: %w", m, err)
			}
			asks = append(asks, ask{u.Scheme, u.Host})
		}
		asks = append(asks, ask{"https", "registry-1.docker.io"})
	} else {
		if len(d.Mirrors) > 0 {
			notes = append(notes, "registry-mirrors are Docker Hub's only: they are not asked for images of "+registry)
		}
		asks = append(asks, ask{"https", registry})
		if d.insecure(registry) {
			asks = append(asks, ask{"http", registry})
		} else if ranges := d.ranges(); len(ranges) > 0 && !isAddress(registry) {
			notes = append(notes, registry+" is insecure too if its address, which dockerd looks up, is in "+strings.Join(ranges, " or "))
		}
	}
	for _, a := range asks {
		h, err := d.host(a.scheme, a.host, o)
		if err != nil {
			return nil, notes, err
		}
		all = append(all, h)
	}
	return all, notes, nil
}

// host gives one endpoint, with the certificates that dockerd has for it.
func (d Docker) host(scheme, host string, o Options) (docker.RegistryHost, error) {
	load, err := loader.Hosts(2, loader.Options{Client: o.connect(nil), Dir: func(string) (string, error) {
		dir := filepath.Join(d.certs, host)
		if !certificates(dir) {
			return "", nil
		}
		return dir, nil
	}})
	if err != nil {
		return docker.RegistryHost{}, err
	}
	list, err := load(host)
	if err != nil {
		return docker.RegistryHost{}, err
	}
	h := list[len(list)-1]
	transport, ok := h.Client.Transport.(*http.Transport)
	if !ok || scheme == "http" { // loopback, for which containerd has a way of its own
		h.Client = bare(o.connect(nil))
		transport = h.Client.Transport.(*http.Transport)
	}
	if scheme == "https" && d.insecure(host) {
		if transport.TLSClientConfig == nil {
			transport.TLSClientConfig = &tls.Config{}
		}
		transport.TLSClientConfig.InsecureSkipVerify = true // dockerd does so
	}
	h.Scheme, h.Host, h.Path = scheme, host, "/v2"
	h.Capabilities = docker.HostCapabilityPull | docker.HostCapabilityResolve
	h.Authorizer = docker.NewDockerAuthorizer(docker.WithAuthClient(h.Client))
	return h, nil
}

// insecure reports whether dockerd takes a registry for an insecure one: it is named, or its address is in a range; loopback always is
// (isSecureIndex in moby's registry).
func (d Docker) insecure(registry string) bool {
	if docker.IsLocalhost(registry) {
		return true
	}
	address, _ := addressOf(registry)
	for _, s := range d.Insecure {
		if strings.EqualFold(s, registry) {
			return true
		}
		if prefix, err := netip.ParsePrefix(s); err == nil && address.IsValid() && prefix.Contains(address) {
			return true
		}
	}
	return false
}

// ranges are the address ranges among what is insecure, without loopback.
func (d Docker) ranges() []string {
	return slices.DeleteFunc(slices.Clone(d.Insecure), func(s string) bool {
		p, err := netip.ParsePrefix(s)
		return err != nil || p.Addr().IsLoopback()
	})
}

func isAddress(registry string) bool { _, ok := addressOf(registry); return ok }

// addressOf gives the address that a registry is named by.
func addressOf(registry string) (netip.Addr, bool) {
	if a, err := netip.ParseAddrPort(registry); err == nil {
		return a.Addr(), true
	}
	a, err := netip.ParseAddr(strings.Trim(registry, "[]"))
	return a, err == nil
}
