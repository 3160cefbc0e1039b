package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/archive"
	"github.com/regsync/regsync/internal/fetch"
	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// imageWork carries changes of images out on containerd's store.
type imageWork struct {
	command    *command
	neighbours *neighbours
	urls       map[string]string // of archives that are fetched, by sha256
	store      *images.Store
	site       *site
	cache      *archive.Cache
	hosts      func() (images.Hosts, error) // whom containerd asks for images; nil: not known
}

// imageWork makes ready what the plan's changes of images need.
func (c *command) imageWork(ctx context.Context, s *site, t trip, v *services) (apply.Singly, error) {
	store := t.store
	if store == nil { // the plan was saved
		var err error
		if store, err = c.openStore(ctx, v); err != nil {
			return nil, err
		}
	}
	w := &imageWork{command: c, neighbours: t.neighbours, store: store, site: s, cache: &archive.Cache{Dir: s.archiveDir()}, urls: map[string]string{}}
	if t.spec != nil {
		w.hosts = c.registryHosts(ctx, s.root, t.spec.Node)
		for _, p := range t.spec.Preload {
			if fetched(p.Archive) {
				w.urls[p.SHA256] = p.Archive
			}
		}
	}
	return w, nil
}

// Apply lets go of what nobody asks for any more and sets right what is there; then it brings what is missing.
func (w *imageWork) Apply(ctx context.Context, changes []plan.Change, tell func(apply.Event)) map[render.ID]error {
	failed := map[render.ID]error{}
	var missing []plan.Change
	for _, c := range changes {
		switch {
		case c.Removal && c.Node != "":
			w.settle(c, nil, failed, tell) // it is only no longer ours
		case c.Removal, c.Image.Archive == "" && !c.Fetch:
			w.settle(c, w.single(ctx, c), failed, tell)
		default:
			missing = append(missing, c)
		}
	}
	w.bringAll(ctx, missing, failed, tell)
	return failed
}

// drop removes an archive that was fetched, when all its images are where they should be.
func (w *imageWork) drop(changes []plan.Change, failed map[render.ID]error) {
	one := changes[0].Image
	if one.SHA256 == "" || one.Keep || slices.ContainsFunc(changes, func(c plan.Change) bool { return failed[c.ID] != nil }) {
		return
	}
	_ = fetch.Remove(w.site.archiveDir(), one.SHA256) // the next run sweeps it
}

// settle records and tells how a change went.
func (w *imageWork) settle(c plan.Change, err error, failed map[render.ID]error, tell func(apply.Event)) {
	if err != nil {
		if images.Unanswered(err) && c.Node == "" {
			err = &apply.UncertainError{Err: err}
		}
		failed[c.ID] = err
		tell(apply.Event{Stage: apply.Failed, Change: &c, Err: err})
		return
	}
	tell(apply.Event{Stage: apply.Done, Change: &c})
}

// single carries out a change that brings nothing.
func (w *imageWork) single(ctx context.Context, c plan.Change) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.Action == plan.Delete:
		return w.store.Remove(ctx, c.Name, *c.Image)
	case c.Removal:
		return w.store.Release(ctx, c.Name, *c.Image, c.KeepPin)
	}
	return w.store.Mark(ctx, c.Name, c.Image.Pin, images.FromRegistry)
}

// archive brings the images of one archive.
func (w *imageWork) archive(ctx context.Context, name string, changes []plan.Change, failed map[render.ID]error, tell func(apply.Event)) {
	want := map[string]render.Image{}
	for _, c := range changes {
		want[c.Name] = *c.Image
	}
	err := w.bring(ctx, name, *changes[0].Image, want, credit(changes, tell))
	each := map[string]error{}
	whole := partErrors(err, each)
	for _, c := range changes {
		err := each[c.Name]
		if err == nil {
			err = whole
		}
		w.settle(c, err, failed, tell)
	}
}

// credit tells of the bytes of an archive as those of its images, one after the other: that is the order in which they come.
func credit(changes []plan.Change, tell func(apply.Event)) func(images.Progress) {
	var told, due int64
	at := 0
	return func(p images.Progress) {
		more := p.Written - told
		told = p.Written
		for more > 0 {
			if due == 0 {
				due = changes[at].Image.Bytes()
			}
			n := more
			if last := at == len(changes)-1; !last {
				n = min(n, due)
			}
			tell(apply.Event{Stage: apply.Moving, Change: &changes[at], Bytes: n})
			more, due = more-n, due-n
			if due <= 0 && at < len(changes)-1 {
				at, due = at+1, 0
			}
		}
	}
}

// partErrors sorts the errors of an import by the image that they concern, and gives what concerns all of them.
func partErrors(err error, each map[string]error) error {
	switch e := err.(type) { //nolint:errorlint // the errors of an import, one level at a time
	case nil:
		return nil
	case *images.ImageError:
		each[e.Name] = e.Err
		return nil
	case interface{ Unwrap() []error }:
		var whole error
		for _, one := range e.Unwrap() {
			whole = errors.Join(whole, partErrors(one, each))
		}
		return whole
	}
	return err
}

func (w *imageWork) bring(ctx context.Context, name string, one render.Image, want map[string]render.Image, report func(images.Progress)) error {
	f, index, err := w.open(ctx, name, one)
	if err != nil {
		return err
	}
	defer f.Close()
	index.Unverified = true // containerd hashes what it is given in any case
	return w.store.Import(ctx, bundle{index, f, w.command.slow(ctx)}, want, report)
}

// open opens the archive that an image comes from, and its index.
func (w *imageWork) open(ctx context.Context, name string, one render.Image) (*os.File, archive.Index, error) {
	var f *os.File
	var err error
	if one.SHA256 != "" {
		address, ok := w.urls[one.SHA256]
		if _, here := fetch.Known(w.site.archiveDir(), one.SHA256); !ok && !here {
			return nil, archive.Index{}, fmt.Errorf("%s is to be fetched again, and a saved plan does not say all of its URL: make the plan again", name)
		}
		f, err = w.command.fetch(ctx, w.site, address, one.SHA256)
	} else {
		f, err = w.site.openArchive(name, one.Beside)
	}
	if err != nil {
		return nil, archive.Index{}, err
	}
	if index, ok := w.cache.Known(one.SHA256); ok && one.SHA256 != "" {
		return f, index, nil
	}
	index, err := w.cache.Index(ctx, f)
	if err != nil {
		return nil, archive.Index{}, errors.Join(err, f.Close())
	}
	return f, index, nil
}

// bundle is an archive as an import reads it.
type bundle struct {
	index archive.Index
	file  *os.File
	slow  func(io.Reader) io.Reader
}

func (b bundle) Open(ctx context.Context, d string) (io.ReadCloser, error) {
	blob, err := b.index.Open(ctx, b.file, digest.Digest(d))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{b.slow(blob), blob}, nil
}

func (b bundle) Walk(ctx context.Context, digests []string, read func(string, io.Reader) error) error {
	wanted := make([]digest.Digest, len(digests))
	for i, d := range digests {
		wanted[i] = digest.Digest(d)
	}
	return b.index.Walk(ctx, b.file, wanted, func(d digest.Digest, _ archive.Blob, r io.Reader) error {
		return read(d.String(), b.slow(r))
	})
}

func (b bundle) Sequential() bool { return b.index.Compression != archive.Plain }
