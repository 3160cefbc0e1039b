package view

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// shownBars is how many images have a bar at a time. The others are counted in the summary only.
const shownBars = 6

// bars are what a terminal shows of images under way, above them the lines of those that are done, below them a summary.
// mpb draws in a goroutine of its own and never looks into them: what is to be seen is handed over as text, so no lock is held by both.
type bars struct {
	w       io.Writer
	screen  *mpb.Progress // nil before the first bytes move
	summary *bar
	began   time.Time
	shown   map[render.ID]*bar
	sizes   map[render.ID]int64 // bytes, of images that were expected or seen
	ended   int                 // images
	settled int64               // bytes of these, as they were expected
	moving  map[render.ID]int64 // bytes that came of those under way
}

// bar is one line with a bar in it; nil where the terminal is gone.
type bar struct {
	*mpb.Bar
	figures atomic.Pointer[string] // what stands behind it
}

func newBars(w io.Writer) *bars {
	return &bars{w: w, shown: map[render.ID]*bar{}, sizes: map[render.ID]int64{}, moving: map[render.ID]int64{}}
}

func (b *bars) expect(c plan.Change) {
	b.sizes[c.ID] = 0
	if c.Image != nil {
		b.sizes[c.ID] = c.Image.Bytes()
	}
}

// move shows that more of an image has come.
func (b *bars) move(c plan.Change, t *transfer) {
	if _, ok := b.sizes[c.ID]; !ok {
		b.expect(c)
	}
	b.moving[c.ID] = t.moved
	if b.screen == nil {
		b.screen, b.began = mpb.New(mpb.WithOutput(b.w), mpb.WithAutoRefresh()), t.began
		b.summary = b.add("", math.MaxInt)
	}
	image := b.shown[c.ID]
	if image == nil && b.vacant() {
		if image = b.add(shorten(visible(c.Name)), 0); image != nil {
			b.shown[c.ID] = image
		}
	}
	image.set(t.moved, b.sizes[c.ID], figures(t.moved, b.sizes[c.ID], t.last.Sub(t.began)))
	b.sum(t.last)
}

// vacant reports whether there is room for one more bar. One whose image has all its bytes makes room: what it waits for may take long.
func (b *bars) vacant() bool {
	if len(b.shown) < shownBars {
		return true
	}
	for id, image := range b.shown {
		if b.moving[id] >= b.sizes[id] {
			image.drop()
			delete(b.shown, id)
			return true
		}
	}
	return false
}

// end takes an image's bar away and puts a line above the others; of what is no image there is only the line. It reports whether it could.
func (b *bars) end(c plan.Change, line string, now time.Time) bool {
	if c.Kind != render.KindImage {
		if b.screen == nil {
			return false
		}
		_, err := io.WriteString(b.screen, line)
		return err == nil
	}
	if _, ok := b.sizes[c.ID]; !ok {
		b.expect(c)
	}
	b.ended++
	b.settled += b.sizes[c.ID]
	delete(b.moving, c.ID)
	if b.screen == nil {
		return false
	}
	b.shown[c.ID].drop()
	delete(b.shown, c.ID)
	b.sum(now)
	_, err := io.WriteString(b.screen, line)
	return err == nil
}

// sum brings the summary up to date.
func (b *bars) sum(now time.Time) {
	done, total := b.settled, int64(0)
	for _, n := range b.sizes {
		total += n
	}
	for _, n := range b.moving {
		done += n
	}
	text := fmt.Sprintf("%d of %d images", b.ended, len(b.sizes))
	if left := remaining(done, total, now.Sub(b.began)); left != "" {
		text += "  " + left
	}
	b.summary.set(done, total, text)
}

// close wipes the bars off.
func (b *bars) close() {
	if b.screen == nil {
		return
	}
	for _, image := range b.shown {
		image.drop()
	}
	b.summary.drop()
	b.screen.Wait()
}

// add puts a bar on the screen. One of higher priority stands lower.
func (b *bars) add(name string, priority int) *bar {
	return newBar(b.screen, name, priority)
}

func newBar(screen *mpb.Progress, name string, priority int) *bar {
	n := &bar{}
	n.figures.Store(new(string))
	style := mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]")
	var err error
	n.Bar, err = screen.Add(0, style.Build(),
		mpb.BarPriority(priority), mpb.BarWidth(24),
		mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *n.figures.Load() }, decor.WC{C: decor.DextraSpace})))
	if err != nil {
		return nil
	}
	return n
}

// set never completes a bar: content that was counted too small must not end it early.
func (n *bar) set(done, total int64, text string) {
	if n == nil {
		return
	}
	n.figures.Store(&text)
	n.SetTotal(max(total, done+1), false)
	n.SetCurrent(done)
}

// drop takes the bar off the screen.
func (n *bar) drop() {
	if n != nil {
		n.Abort(true)
	}
}

// figures are how much of an image is there, how fast it comes and how long it will take.
func figures(done, total int64, took time.Duration) string {
	return amount(done, total) + pace(done, total, took)
}

func amount(done, total int64) string {
	if total <= 0 {
		return render.Size(done)
	}
	return render.Size(done) + " of " + render.Size(total)
}

// pace says how fast done bytes came, and how long the rest will take; nothing in the first second.
func pace(done, total int64, took time.Duration) string {
	if took < time.Second {
		return ""
	}
	text := "  " + render.Size(int64(float64(done)/took.Seconds())) + "/s"
	if left := remaining(done, total, took); left != "" {
		text += "  " + left
	}
	return text
}

// remaining says how much longer it will take at the pace so far, as soon as that means something.
func remaining(done, total int64, took time.Duration) string {
	if took < time.Second || done <= 0 || done >= total {
		return ""
	}
	left := took.Seconds() * float64(total-done) / float64(done)
	if left > (100 * time.Hour).Seconds() {
		return ""
	}
	if left < 10 {
		return fmt.Sprintf("%.0f s left", math.Ceil(left)) // tenths would only flicker
	}
	return span(time.Duration(math.Ceil(left))*time.Second) + " left"
}

// shorten keeps the end of a long reference: there stands what tells it from others.
func shorten(name string) string {
	const most = 44
	if r := []rune(name); len(r) > most {
		return "…" + strings.TrimSpace(string(r[len(r)-most+1:]))
	}
	return name
}
