package view

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Progress shows how images get along: a line for each that is done, and on a terminal bars for those that are under way. Of an object of the
// cluster there is the line. Files and effects are for [Event]; both may hear of everything. It may be told from several goroutines.
type Progress struct {
	w     io.Writer
	color bool
	now   func() time.Time

	mu     sync.Mutex
	images map[render.ID]*transfer // under way
	bars   *bars                   // nil: no terminal, or closed
}

// transfer is an image under way.
type transfer struct {
	began time.Time // when the first bytes came
	last  time.Time // when the last ones did
	moved int64     // bytes
}

// NewProgress gives a Progress that writes to w. terminal says that w is a terminal on which the cursor can move: with TERM=dumb it cannot.
// Nothing is drawn before the first bytes move.
func NewProgress(w io.Writer, terminal, color bool) *Progress {
	p := &Progress{w: w, color: color, now: time.Now, images: map[render.ID]*transfer{}}
	if terminal {
		p.bars = newBars(w)
	}
	return p
}

// Expect says which changes will come, of which those of images count, so that the summary knows what it is a part of.
func (p *Progress) Expect(changes []plan.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil {
		return
	}
	for _, c := range changes {
		if c.Kind == render.KindImage {
			p.bars.expect(c)
		}
	}
}

// Tell takes note of what happens.
func (p *Progress) Tell(e apply.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Stage {
	case apply.Moving:
		now := p.now()
		t := p.images[e.Change.ID]
		if t == nil {
			t = &transfer{began: now}
			p.images[e.Change.ID] = t
		}
		t.last = now
		t.moved += e.Bytes
		if p.bars != nil {
			p.bars.move(*e.Change, t)
		}
	case apply.Awaiting:
		p.say(e, fmt.Sprintf("  %s %s  %s\n", painter(p.color)(faint, "…"), visible(e.Change.Name), visible(e.Note)))
	case apply.Done, apply.Failed:
		p.say(e, p.line(e)+"\n")
		delete(p.images, e.Change.ID)
	}
}

// say writes a line, above the bars where there are some.
func (p *Progress) say(e apply.Event, line string) {
	if p.bars == nil || !p.bars.end(*e.Change, line, p.now()) {
		fmt.Fprint(p.w, line)
	}
}

// line says in the words of the plan what became of an image. Why one failed is said with the other errors at the end.
func (p *Progress) line(e apply.Event) string {
	c := painter(p.color)
	outcome := past[e.Change.Action]
	t := p.images[e.Change.ID]
	switch {
	case e.Stage == apply.Failed && t != nil:
		outcome = c(red, "failed") + " after " + render.Size(t.moved)
	case e.Stage == apply.Failed:
		outcome = c(red, "failed")
	case t != nil:
		// Not until now: an archive's images are done together, when the last of them is.
		outcome = render.Size(t.moved)
		if took := t.last.Sub(t.began); took >= 50*time.Millisecond {
			outcome += " in " + span(took)
		}
	}
	return fmt.Sprintf("  %s %s  %s", c(actionColor(e.Change.Action), string(rune(e.Change.Action))), visible(e.Change.Name), outcome)
}

// Close takes the bars off the screen. The lines stay.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars != nil {
		p.bars.close()
		p.bars = nil
	}
}
