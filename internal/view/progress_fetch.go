package view

import (
	"fmt"
	"io"
	"time"

	"github.com/regsync/regsync/render"

	"github.com/vbauerster/mpb/v8"
)

// Fetching shows how one archive comes over the network: a bar on a terminal, and one line when it is there. Its methods are for one
// goroutine. An archive of which no byte had to come is not spoken of.
type Fetching struct {
	w        io.Writer
	terminal bool
	name     string
	now      func() time.Time

	began      time.Time // zero: nothing came yet
	from, done int64     // bytes that were there before, and that are there now
	screen     *mpb.Progress
	bar        *bar
}

// NewFetching gives a Fetching that writes to w. name is how the archive is called, without secrets; terminal as for [NewProgress].
func NewFetching(w io.Writer, terminal bool, name string) *Fetching {
	return &Fetching{w: w, terminal: terminal, name: visible(name), now: time.Now}
}

// Tell takes note of how many bytes are there, and of how many (-1: unknown).
func (f *Fetching) Tell(done, total int64) {
	now := f.now()
	if f.began.IsZero() {
		f.began, f.from = now, done
		if f.terminal {
			f.screen = mpb.New(mpb.WithOutput(f.w), mpb.WithAutoRefresh())
			f.bar = newBar(f.screen, shorten(f.name), 0)
		}
	}
	if done < f.from { // the server has begun anew
		f.began, f.from = now, done
	}
	f.done = done
	f.bar.set(done, total, amount(done, total)+pace(done-f.from, total-f.from, now.Sub(f.began)))
}

// Close takes the bar off the screen, and says that the archive came, if err is nil.
func (f *Fetching) Close(err error) {
	if f.screen != nil {
		f.bar.drop()
		f.screen.Wait()
	}
	if err == nil && !f.began.IsZero() {
		fmt.Fprintf(f.w, "fetched %s  %s in %s\n", f.name, render.Size(f.done-f.from), span(f.now().Sub(f.began)))
	}
}
