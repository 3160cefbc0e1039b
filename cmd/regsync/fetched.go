package main

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/regsync/regsync/internal/archive"
	"github.com/regsync/regsync/internal/fetch"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// fetched reports whether an archive is named by a URL.
func fetched(name string) bool { return strings.Contains(name, "://") }

// bareURL is a URL without what may be secret in it: a user, a password, a signed query.
func bareURL(name string) string {
	u, err := url.Parse(name)
	if err != nil {
		return name
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// fetchedArchive reads an archive that is named by a URL. What it holds is remembered by its sha256, so that it is fetched once
// and may go after the import. A run that only looks fetches nothing; then ok is false.
func (c *command) fetchedArchive(ctx context.Context, s *site, cache *archive.Cache, p *spec.Preload, entry int) (a render.Archive, ok bool, err error) {
	index, known := cache.Known(p.SHA256)
	if !known {
		if s.lock == nil {
			s.unfetched = true
			return a, false, nil
		}
		if index, err = c.fetchIndex(ctx, s, cache, p); err != nil {
			return a, false, err
		}
	}
	platform, err := platformOf(p.Platform)
	if err != nil {
		return a, false, err
	}
	return render.Archive{Entry: entry, Path: bareURL(p.Archive), Fetched: true, Images: members(index, platform)}, true, nil
}

func (c *command) fetchIndex(ctx context.Context, s *site, cache *archive.Cache, p *spec.Preload) (archive.Index, error) {
	f, err := c.fetch(ctx, s, p.Archive, p.SHA256)
	if err != nil {
		return archive.Index{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return archive.Index{}, err
	}
	index, err := archive.Read(ctx, f, info.Size())
	if err == nil {
		cache.Learn(p.SHA256, index)
	}
	return index, err
}

// fetch brings the archive with this sha256 to the state directory, if it is not there, and opens it.
func (c *command) fetch(ctx context.Context, s *site, address, sha256 string) (*os.File, error) {
	client := fetch.Client{Version: ownVersion(), Limit: c.slow(ctx)}
	tell, done := c.fetching(address)
	name, err := client.Archive(ctx, address, sha256, s.archiveDir(), tell)
	done(err)
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}

// fetching shows how an archive comes.
func (c *command) fetching(address string) (tell func(done, total int64), done func(error)) {
	if c.output == "json" || c.log != nil {
		return nil, func(error) {}
	}
	show := view.NewFetching(c.err, view.IsTerminal(c.err) && c.env("TERM") != "dumb", bareURL(address))
	return show.Tell, show.Close
}
