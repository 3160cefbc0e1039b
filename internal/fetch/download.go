package fetch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// download is one archive under way.
type download struct {
	client  Client
	http    *http.Client
	url     *url.URL
	part    *part
	tell    func(done, total int64)
	resumed bool // the part consists of what came in several answers
	anew    bool // that went wrong once, and it was begun anew
}

// run tries until the archive is there, or it makes no sense any more.
func (d *download) run(ctx context.Context) error {
	most, failed := d.part.size, 0
	whole := d.part.size > 0 && d.part.sum() == d.part.digest
	for !whole {
		err := d.try(ctx)
		if err == nil {
			whole, err = d.check()
		}
		var again *passing
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return d.interrupted(ctx)
		case !errors.As(err, &again):
			return err
		}
		if d.part.size >= most+somewhere {
			most, failed = d.part.size, 0
		}
		if failed++; failed >= d.client.Tries {
			p := *again.err
			p.Message += fmt.Sprintf(" (tried %d times)", failed)
			return &p
		}
		if d.client.pause(ctx, max(Backoff(failed, rand.Float64()), again.after)) != nil {
			return d.interrupted(ctx)
		}
	}
	return d.part.finish()
}

func (d *download) interrupted(ctx context.Context) error {
	return problem(goesOn, context.Cause(ctx), "fetching %s", bare(d.url))
}

// check compares the digests of an archive that the server has given in full. One that was put together from several answers gets one second
// chance: a server may give the pieces of two versions the same ETag, and a power cut may have taken some bytes of the first.
func (d *download) check() (whole bool, err error) {
	got := d.part.sum()
	if got == d.part.digest {
		return true, nil
	}
	if d.resumed && !d.anew {
		d.anew = true
		return false, d.part.restart("")
	}
	wrong := problem("if the archive is the right one, put its sha256 into the file; otherwise put the right archive there", nil,
		"%s has sha256 %s, not %s", bare(d.url), got, d.part.digest)
	wrong.Err = d.part.discard()
	return false, wrong
}

// try asks once, and takes what comes.
func (d *download) try(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(d.client.Stall, func() { cancel(errStalled) })
	defer silence.Stop()
	r, err := d.ask(ctx)
	silence.Stop()
	if err != nil {
		return d.broken(ctx, err)
	}
	defer r.Body.Close()
	switch {
	case r.StatusCode == http.StatusOK:
		d.resumed = false
		err = d.part.restart(strong(r.Header.Get("ETag"), r.Header.Get("Last-Modified")))
	case d.part.size > 0 && d.continues(r):
		d.resumed = true
	case d.part.size > 0 && (r.StatusCode == http.StatusPartialContent || r.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		if err := d.part.restart(""); err != nil {
			return err
		}
		r.Body.Close()
		return d.try(ctx)
	default:
		return refused(d.url, r)
	}
	if err != nil {
		return err
	}
	total, err := d.room(r.ContentLength)
	if err != nil {
		return err
	}
	return d.take(ctx, watched{r.Body, silence, d.client.Stall}, total)
}

// ask sends the request: for what is missing, if the version that the part belongs to is known, else for everything.
func (d *download) ask(ctx context.Context) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url.String(), nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("User-Agent", "regsync/"+d.client.Version)
	if d.part.size > 0 && d.part.validator != "" {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.part.size))
		q.Header.Set("If-Range", d.part.validator)
	}
	return d.http.Do(q)
}

// continues reports whether an answer goes on where the part ends, with the same version. There are servers that give a range of whatever they have,
// without a look at If-Range.
func (d *download) continues(r *http.Response) bool {
	start, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Content-Range"), "bytes "), "-")
	etag := r.Header.Get("ETag")
	return r.StatusCode == http.StatusPartialContent && start == strconv.FormatInt(d.part.size, 10) &&
		(etag == "" || !strings.HasPrefix(d.part.validator, `"`) || etag == d.part.validator)
}
