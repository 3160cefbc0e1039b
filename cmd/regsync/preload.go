package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/regsync/regsync/internal/archive"
	"github.com/regsync/regsync/internal/fetch"
	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// archives reads what the archives of preload hold. One that cannot be read, or is not what it should be, holds back its own
// images only.
func (c *command) archives(ctx context.Context, s *site, sp *spec.Spec, in *render.Inputs) []render.Held {
	if len(sp.Preload) == 0 {
		return nil
	}
	in.Platform = platforms.Format(platforms.DefaultSpec())
	cache := &archive.Cache{Dir: s.archiveDir()}
	var held []render.Held
	named := map[string]bool{} // what may lie in the state directory
	for i := range sp.Preload {
		p := &sp.Preload[i]
		if p.Archive == "" {
			continue
		}
		if fetched(p.Archive) {
			p.SHA256 = strings.ToLower(p.SHA256)
			named[p.SHA256] = true
			a, ok, err := c.fetchedArchive(ctx, s, cache, p, i)
			switch {
			case err != nil:
				held = append(held, heldArchive(p, bareURL(p.Archive), err.Error(), hintOfArchive(err)))
			case ok:
				in.Archives = append(in.Archives, a)
			default:
				held = append(held, heldArchive(p, bareURL(p.Archive), "it is not fetched yet, so what it holds is not known", "regsync apply fetches it"))
			}
			continue
		}
		pattern := p.Archive
		if whole, err := filepath.Abs(pattern); err == nil {
			pattern = whole // a saved plan may be applied from another directory
		}
		names := s.archiveFiles(pattern, sp.Beside[p.Archive])
		if len(names) == 0 {
			held = append(held, heldArchive(p, pattern, "no such archive is on the node", "put it there, or mend the path"))
		}
		for _, name := range names {
			a, err := c.archive(ctx, s, cache, p, i, name, sp.Beside[p.Archive])
			if err != nil {
				held = append(held, heldArchive(p, name, err.Error(), hintOfArchive(err)))
				continue
			}
			in.Archives = append(in.Archives, a)
		}
	}
	if s.lock != nil {
		_ = errors.Join(cache.Sweep(), fetch.Sweep(s.archiveDir(), named)) // what stays is only in the way
	}
	return held
}

func heldArchive(p *spec.Preload, name, message, hint string) render.Held {
	return render.Held{
		ID:      render.ID{Kind: render.KindImage, Name: name},
		Problem: &spec.Problem{Position: p.Pos, Path: "preload.archive", Message: message, Hint: hint},
	}
}

func hintOfArchive(err error) string {
	if p := (*archive.Problem)(nil); errors.As(err, &p) {
		return p.Hint
	}
	if p := (*fetch.Problem)(nil); errors.As(err, &p) {
		return p.Hint
	}
	return ""
}

// hintOfImage is what an error of an image says is to be done.
func hintOfImage(err error) string {
	if d := (*images.DamagedError)(nil); errors.As(err, &d) {
		return d.Advice()
	}
	return hintOfArchive(err)
}

// archiveFiles gives the files that an entry names, by absolute paths: one, those that a pattern matches, or the archives in a directory.
func (s *site) archiveFiles(pattern string, beside bool) []string {
	match, isDir := s.root.Glob, s.root.IsDir
	if beside {
		match = func(p string) []string { names, _ := filepath.Glob(p); return names } //nolint:errcheck // a bad pattern matches nothing
		isDir = func(p string) bool { info, err := os.Stat(p); return err == nil && info.IsDir() }
	}
	var files []string
	for _, name := range match(pattern) {
		if !isDir(name) {
			files = append(files, name)
			continue
		}
		for _, inside := range match(filepath.Join(name, "*")) {
			if isArchiveName(inside) && !isDir(inside) {
				files = append(files, inside)
			}
		}
	}
	return files
}

// isArchiveName reports whether a file in a directory of archives is one, by its name.
func isArchiveName(name string) bool {
	for _, end := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// openArchive opens an archive's file.
func (s *site) openArchive(name string, beside bool) (*os.File, error) {
	if beside {
		return os.Open(name)
	}
	real, err := s.root.Path(name)
	if err != nil {
		return nil, err
	}
	return os.Open(real)
}

// archive reads one file of an entry, as far as it matters for the platform.
func (c *command) archive(ctx context.Context, s *site, cache *archive.Cache, p *spec.Preload, entry int, name string, beside bool) (render.Archive, error) {
	f, err := s.openArchive(name, beside)
	if err != nil {
		return render.Archive{}, err
	}
	defer f.Close()
	if p.SHA256 != "" {
		sum, err := cache.SHA256(ctx, f)
		if err != nil {
			return render.Archive{}, err
		}
		if !strings.EqualFold(sum, p.SHA256) {
			return render.Archive{}, &archive.Problem{
				Message: fmt.Sprintf("its sha256 is %s, and the spec says %s", sum, p.SHA256),
				Hint:    "copy the archive again, or correct sha256",
			}
		}
	}
	index, err := cache.Index(ctx, f)
	if err != nil {
		return render.Archive{}, err
	}
	platform, err := platformOf(p.Platform)
	if err != nil {
		return render.Archive{}, err
	}
	a := render.Archive{Entry: entry, Path: name, Beside: beside, Images: members(index, platform)}
	return a, nil
}

// platformOf is the platform that is named, else the node's.
func platformOf(name string) (ocispec.Platform, error) {
	if name == "" {
		return platforms.DefaultSpec(), nil
	}
	return platforms.Parse(name)
}

func members(index archive.Index, platform ocispec.Platform) []render.Member {
	var all []render.Member
	for _, image := range index.Images {
		all = append(all, member(image, platform))
	}
	return all
}

// member is an image of an archive as rendering sees it.
func member(i archive.Image, platform ocispec.Platform) render.Member {
	m := render.Member{Names: i.Names, Bare: i.Bare}
	m.Image.Target, m.Image.Platform = descriptor(i.Target), platforms.Format(platform)
	for _, manifest := range i.Manifests {
		if manifest.Platform != nil && len(manifest.Missing) == 0 {
			m.Arches = append(m.Arches, manifest.Platform.Architecture)
		}
	}
	manifest, err := i.ForPlatform(platform)
	if err != nil {
		m.Err = err
		return m
	}
	for _, index := range manifest.Through {
		m.Image.Content = append(m.Image.Content, descriptor(index))
	}
	m.Image.Content = append(m.Image.Content, descriptor(manifest.Descriptor), descriptor(manifest.Config))
	for _, layer := range manifest.Layers {
		m.Image.Content = append(m.Image.Content, descriptor(layer))
	}
	for _, d := range manifest.DiffIDs {
		m.Image.DiffIDs = append(m.Image.DiffIDs, d.String())
	}
	return m
}

func descriptor(d ocispec.Descriptor) render.Descriptor {
	return render.Descriptor{MediaType: d.MediaType, Digest: d.Digest.String(), Size: d.Size}
}
