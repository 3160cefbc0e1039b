package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/regsync/regsync/render"
)

// Remote is an image as a registry has it, for one platform.
type Remote struct {
	Image render.Image

	name    string
	fetcher remotes.Fetcher
}

// document is the largest index, manifest or configuration that is read. containerd takes manifests of 8 MiB.
const document = 8 << 20

// Survey asks the registry what an image consists of. containerd may know more logins than its hosts have.
func Survey(ctx context.Context, hosts Hosts, name, platform string) (*Remote, error) {
	wanted, err := platforms.Parse(platform)
	if err != nil {
		return nil, err
	}
	ctx = silenced(ctx)
	resolver := resolver(hosts)
	_, target, err := resolver.Resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	r := &Remote{name: name, Image: render.Image{Target: described(target), Platform: platform}}
	if r.fetcher, err = resolver.Fetcher(ctx, name); err != nil {
		return nil, err
	}
	return r, r.outline(ctx, target, platforms.Only(wanted))
}

// outline reads the documents that say what there is.
func (r *Remote) outline(ctx context.Context, at ocispec.Descriptor, wanted platforms.MatchComparer) error {
	add := func(d ...ocispec.Descriptor) {
		for _, one := range d {
			r.Image.Content = append(r.Image.Content, described(one))
		}
	}
	add(at)
	if images.IsIndexType(at.MediaType) {
		var index ocispec.Index
		if err := r.read(ctx, at, &index); err != nil {
			return err
		}
		var best *ocispec.Descriptor
		for i, m := range index.Manifests {
			if m.Platform != nil && wanted.Match(*m.Platform) && (best == nil || wanted.Less(*m.Platform, *best.Platform)) {
				best = &index.Manifests[i]
			}
		}
		if best == nil {
			return fmt.Errorf("there is no image for %s", r.Image.Platform)
		}
		at = *best
		add(at)
	}
	var manifest ocispec.Manifest
	if err := r.read(ctx, at, &manifest); err != nil {
		return err
	}
	add(manifest.Config)
	add(manifest.Layers...)
	var config ocispec.Image
	if err := r.read(ctx, manifest.Config, &config); err != nil {
		return err
	}
	for _, d := range config.RootFS.DiffIDs {
		r.Image.DiffIDs = append(r.Image.DiffIDs, d.String())
	}
	return nil
}

// read reads a document, whose digest has to be right.
func (r *Remote) read(ctx context.Context, d ocispec.Descriptor, into any) error {
	if d.Size > document {
		return fmt.Errorf("%s is of %d bytes", d.Digest, d.Size)
	}
	body, err := r.fetcher.Fetch(ctx, d)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, document))
	switch {
	case err != nil:
		return err
	case digest.FromBytes(text) != d.Digest:
		return fmt.Errorf("the registry gives other bytes for %s", d.Digest)
	}
	return json.Unmarshal(text, into)
}

func described(d ocispec.Descriptor) render.Descriptor {
	return render.Descriptor{MediaType: d.MediaType, Digest: d.Digest.String(), Size: d.Size}
}

// Prefetch brings the blobs of an image that are not in the store, through a reader that slows them down, so that the pull that follows finds
// them there: containerd's own pulls keep to no limit. What is brought is kept until done is called, with how the pull went. No record is made.
func (s *Store) Prefetch(ctx context.Context, from *Remote, slow func(io.Reader) io.Reader, report func(Progress)) (done func(pulled error), err error) {
	ctx = silenced(s.in(ctx))
	run := &run{Store: s, from: slowed{from, slow}, want: map[string]render.Image{from.name: from.Image}, all: map[string]*blob{}, report: report}
	if failed := run.gather(); len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	ctx, release, err := s.lease(ctx, from.name)
	if err != nil {
		return nil, err
	}
	missing, err := run.claim(ctx)
	if err == nil {
		err = run.room(ctx, missing)
	}
	if err == nil {
		run.fetch(ctx, missing)
	}
	for _, b := range missing {
		if err == nil {
			err = b.wait(ctx)
		}
	}
	if err != nil {
		release(ctx, err)
		return nil, fmt.Errorf("pulling %s: %w", from.name, err)
	}
	return func(pulled error) { release(ctx, pulled) }, nil
}

// slowed gives the blobs of a remote image as an archive gives its own, and no faster than it should.
type slowed struct {
	*Remote
	slow func(io.Reader) io.Reader
}

func (s slowed) Open(ctx context.Context, d string) (io.ReadCloser, error) {
	for _, c := range s.Image.Content {
		if c.Digest != d {
			continue
		}
		body, err := s.fetcher.Fetch(ctx, ocispec.Descriptor{MediaType: c.MediaType, Digest: digest.Digest(c.Digest), Size: c.Size})
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{s.slow(body), body}, nil
	}
	return nil, fmt.Errorf("%s is not of this image", d)
}

func (s slowed) Walk(ctx context.Context, digests []string, read func(string, io.Reader) error) error {
	return errors.New("a registry is not walked")
}

func (slowed) Sequential() bool { return false }
