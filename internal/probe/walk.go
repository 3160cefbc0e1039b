package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	docker1 "github.com/containerd/containerd/remotes/docker"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/spec"
)

// most is how big a manifest or a config is read.
const most = 16 << 20

// walk asks as containerd would: first each endpoint alone, then all of them as one pull does. It stops at the first byte of each layer.
func (r *Road) walk(ctx context.Context, major int, load loader.HostFunc, hosts []docker.RegistryHost, ref spec.Reference, o Options) {
	silent := logrus.New()
	silent.Out = io.Discard
	ctx = log.WithLogger(ctx, logrus.NewEntry(silent))
	seen := newWatch()
	var all sync.WaitGroup
	for i, h := range hosts {
		all.Go(func() { r.Endpoints[i].Probe = alone(ctx, major, h, ref, seen) })
	}
	all.Wait()

	seen.forget()
	p := newPuller(major, func(registry string) ([]docker.RegistryHost, error) {
		list, err := load(registry)
		return seen.over(list), err
	})
	target, err := p.resolve(ctx, ref.String())
	if err != nil {
		r.Error = plain(err)
		return
	}
	r.ResolvedBy = seen.last().endpoint
	if err := r.fetch(ctx, p, target, ref.String(), seen); err != nil {
		r.Error, r.ServedBy, r.LayersBy = plain(err), "", ""
	}
}

// alone asks one endpoint for the reference, whatever it may do by its capabilities.
func alone(ctx context.Context, major int, h docker.RegistryHost, ref spec.Reference, all *watch) *Answer {
	seen := newWatch()
	h.Capabilities |= docker.HostCapabilityPull | docker.HostCapabilityResolve
	watched := seen.over([]docker.RegistryHost{h})
	target, err := newPuller(major, func(string) ([]docker.RegistryHost, error) { return watched, nil }).resolve(ctx, ref.String())
	last := seen.last()
	all.mu.Lock()
	for endpoint, dead := range seen.dead {
		all.dead[endpoint] = dead
	}
	all.mu.Unlock()
	a := &Answer{OK: err == nil, Status: last.status, Took: last.took}
	switch {
	case err == nil && strings.HasPrefix(target.MediaType, "text/"):
		a.OK, a.Error = false, "it answers with "+target.MediaType+", as a web site does and no registry"
	case err == nil:
	case last.status == http.StatusNotFound:
		a.Error = "it does not have " + ref.Path
		if !speaks(ctx, watched[0]) {
			a.Error = fmt.Sprintf("no registry answers at %s/", loader.Describe(h).URL)
		}
	case last.status == http.StatusUnauthorized || last.status == http.StatusForbidden:
		a.Error = "it wants credentials"
		if last.status == http.StatusForbidden {
			a.Error = "it forbids it"
		}
	case last.status >= 300:
		a.Error = "unexpected status " + http.StatusText(last.status)
	default:
		a.Error = plain(err)
	}
	return a
}

// speaks reports whether a registry is at an endpoint: its API root answers, if only that it wants to know who asks.
func speaks(ctx context.Context, h docker.RegistryHost) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Scheme+"://"+h.Host+h.Path+"/", nil)
	if err != nil {
		return false
	}
	for name, values := range h.Header {
		request.Header[name] = values
	}
	response, err := h.Client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode < 300 || response.StatusCode == http.StatusUnauthorized
}

// fetch brings the manifest, the config and the first byte of each layer.
func (r *Road) fetch(ctx context.Context, p puller, target ocispec.Descriptor, ref string, seen *watch) error {
	fetcher, err := p.fetcher(ctx, ref)
	if err != nil {
		return err
	}
	for depth := 0; images.IsIndexType(target.MediaType); depth++ {
		var index ocispec.Index
		if err := document(ctx, fetcher, target, &index, seen); err != nil {
			return err
		}
		if r.ServedBy == "" {
			r.ServedBy = seen.last().endpoint
		}
		if target, err = own(index); err != nil {
			return fmt.Errorf("choosing from the index: %w", err)
		}
		if depth > 4 {
			return errors.New("indexes of indexes without end")
		}
	}
	if !images.IsManifestType(target.MediaType) {
		if p.major == 1 && target.MediaType == images.MediaTypeDockerSchema1Manifest {
			_, err := read(ctx, fetcher, target, seen)
			r.ServedBy = seen.last().endpoint
			return err
		}
		return fmt.Errorf("unexpected media type %s for %s: not found", target.MediaType, target.Digest)
	}
	var manifest ocispec.Manifest
	if err := document(ctx, fetcher, target, &manifest, seen); err != nil {
		return err
	}
	if r.ServedBy == "" {
		r.ServedBy = seen.last().endpoint
	}
	if _, err := read(ctx, fetcher, manifest.Config, seen); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	for _, layer := range manifest.Layers {
		body, err := fetcher.Fetch(ctx, layer)
		if err == nil {
			_, err = io.ReadFull(body, make([]byte, min(layer.Size, 1)))
			body.Close()
		}
		if err != nil {
			return fmt.Errorf("layer %s: %w", layer.Digest, err)
		}
		r.LayersBy = seen.last().endpoint
	}
	return nil
}

// own gives the manifest of an index for this machine's platform.
func own(index ocispec.Index) (ocispec.Descriptor, error) {
	match := platforms.Only(platforms.DefaultSpec())
	var best *ocispec.Descriptor
	for _, m := range index.Manifests {
		if m.Platform != nil && match.Match(*m.Platform) && (best == nil || match.Less(*m.Platform, *best.Platform)) {
			best = &m
		}
	}
	if best != nil {
		return *best, nil
	}
	if len(index.Manifests) > 0 && index.Manifests[0].Platform == nil {
		return index.Manifests[0], nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("no manifest is for %s", platforms.DefaultString())
}

func document(ctx context.Context, f fetcher, target ocispec.Descriptor, v any, seen *watch) error {
	data, err := read(ctx, f, target, seen)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return json.Unmarshal(data, v)
}

// read brings a blob, and checks that it is the one.
func read(ctx context.Context, f fetcher, target ocispec.Descriptor, seen *watch) ([]byte, error) {
	seen.forget()
	body, err := f.Fetch(ctx, target)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, most))
	if err != nil {
		return nil, err
	}
	if got := target.Digest.Algorithm().FromBytes(data); got != target.Digest {
		return nil, fmt.Errorf("unexpected commit digest %s, expected %s: failed precondition", got, target.Digest)
	}
	return data, nil
}

// fetcher is what both majors' fetchers do.
type fetcher interface {
	Fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error)
}

// puller is a major version's resolver.
type puller struct {
	major   int
	resolve func(ctx context.Context, ref string) (ocispec.Descriptor, error)
	fetcher func(ctx context.Context, ref string) (fetcher, error)
}

func newPuller(major int, hosts loader.HostFunc) puller {
	p := puller{major: major}
	if major < 2 {
		resolver := docker1.NewResolver(docker1.ResolverOptions{Hosts: func(registry string) ([]docker1.RegistryHost, error) {
			list, err := hosts(registry)
			all := make([]docker1.RegistryHost, 0, len(list))
			for _, h := range list {
				all = append(all, loader.Host1(h))
			}
			return all, err
		}})
		p.resolve = func(ctx context.Context, ref string) (ocispec.Descriptor, error) {
			_, d, err := resolver.Resolve(ctx, ref)
			return d, err
		}
		p.fetcher = func(ctx context.Context, ref string) (fetcher, error) { return resolver.Fetcher(ctx, ref) }
		return p
	}
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: docker.RegistryHosts(hosts)})
	p.resolve = func(ctx context.Context, ref string) (ocispec.Descriptor, error) {
		_, d, err := resolver.Resolve(ctx, ref)
		return d, err
	}
	p.fetcher = func(ctx context.Context, ref string) (fetcher, error) { return resolver.Fetcher(ctx, ref) }
	return p
}

// plain gives an error as a person reads it: what went wrong, without the request that did.
func plain(err error) string {
	s := err.Error()
	for _, noise := range []string{"failed to do request: ", "dial tcp: "} {
		s = strings.ReplaceAll(s, noise, "")
	}
	if head, cause, ok := strings.Cut(s, `": `); ok && (strings.HasPrefix(head, `Head "`) || strings.HasPrefix(head, `Get "`)) {
		s = cause
	}
	if errors.Is(err, context.DeadlineExceeded) && !strings.Contains(s, "time") {
		s += " (no answer in time)"
	}
	return s
}
