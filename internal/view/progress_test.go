package view

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// image is a change of an image of so many bytes.
func image(a plan.Action, name string, size int64) *plan.Change {
	c := plan.Change{ID: render.ID{Kind: render.KindImage, Name: name}, Action: a}
	if a != plan.Delete {
		c.Image = &render.Image{Content: []render.Descriptor{{Size: size - size/4}, {Size: size / 4}}}
	}
	return &c
}

// clock moves on by half a second whenever somebody looks at it.
func clock() func() time.Time {
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time {
		now = now.Add(500 * time.Millisecond)
		return now
	}
}

// some is what happens to images during an apply, some files before.
func some() []apply.Event {
	file := change(plan.Create, "/a", "", "x", "why")
	nginx, pause := image(plan.Create, "docker.io/library/nginx:1.27", 64_000_000), image(plan.Update, "registry.k8s.io/pause:3.10", 700_000)
	bad := image(plan.Create, "harbor.lab/bad:1", 2_000_000_000)
	effect := plan.Effect{Name: render.ReloadDocker}
	return []apply.Event{
		{Stage: apply.Wrote, Change: &file},
		{Stage: apply.Running, Effect: &effect},
		{Stage: apply.Ran, Effect: &effect},
		{Stage: apply.Moving, Change: pause, Bytes: 300_000},
		{Stage: apply.Moving, Change: pause, Bytes: 400_000},
		{Stage: apply.Done, Change: pause},
		{Stage: apply.Moving, Change: nginx, Bytes: 32_000_000},
		{Stage: apply.Moving, Change: bad, Bytes: 1_200_000_000},
		{Stage: apply.Failed, Change: bad, Err: errors.New("layer 3 is torn")},
		{Stage: apply.Moving, Change: nginx, Bytes: 32_000_000},
		{Stage: apply.Done, Change: nginx},
		{Stage: apply.Done, Change: image(plan.Adopt, "docker.io/library/busybox:1", 5)},
		{Stage: apply.Done, Change: image(plan.Delete, "docker.io/library/old:1", 5)},
		{Stage: apply.Done, Change: image(plan.Forget, "docker.io/library/mine:\x1b[2J", 5)},
		{Stage: apply.Failed, Change: image(plan.Update, "docker.io/library/new:1", 5), Err: errors.New("no")},
	}
}

func TestProgressLines(t *testing.T) {
	for name, color := range map[string]bool{"progress.txt": false, "progress-color.txt": true} {
		var b bytes.Buffer
		p := NewProgress(&b, false, color)
		p.now = clock()
		p.Expect(nil)
		for _, e := range some() {
			p.Tell(e)
		}
		p.Close()
		golden(t, name, b.String())
	}
}

func TestEventJSON(t *testing.T) {
	var b bytes.Buffer
	for _, e := range some() {
		if err := EventJSON(&b, e); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "progress.json", b.String())
}

// TestProgressBars: on a terminal there are bars while images come, and only the lines of the images afterwards.
func TestProgressBars(t *testing.T) {
	tty := newTerminal(t, 24, 120)
	p := NewProgress(tty.slave, true, false)
	p.now = clock()
	var changes []plan.Change
	for _, e := range some() {
		if e.Change != nil && (e.Stage == apply.Done || e.Stage == apply.Failed) {
			changes = append(changes, *e.Change)
		}
	}
	p.Expect(changes)
	for i, e := range some() {
		p.Tell(e)
		switch i {
		case 4:
			tty.await(t, "registry.k8s.io/pause:3.10  [=====================>]  700 kB of 700 kB")
			tty.await(t, "0 of 7 images")
		case 7:
			tty.await(t, "docker.io/library/nginx:1.27  [==========>")
			tty.await(t, "harbor.lab/bad:1              [============>")
			tty.await(t, "]  1.2 GB of 2.0 GB")
			tty.await(t, "1 of 7 images  ")
		case 9:
			tty.await(t, "64 MB of 64 MB  ")
			tty.await(t, "MB/s")
		}
	}
	p.Close()
	p.Tell(apply.Event{Stage: apply.Done, Change: image(plan.Adopt, "after/all:1", 5)})
	golden(t, "progress-screen.txt", tty.screen(t))
}

// TestManyBars: however many images come at a time, the screen is not full of them.
func TestManyBars(t *testing.T) {
	tty := newTerminal(t, 24, 100)
	p := NewProgress(tty.slave, true, false)
	var changes []*plan.Change
	for i := range 45 {
		changes = append(changes, image(plan.Create, fmt.Sprintf("harbor.lab/%s/n%02d:1", strings.Repeat("deep/", 10), i), 1000))
	}
	for _, c := range changes {
		p.Tell(apply.Event{Stage: apply.Moving, Change: c, Bytes: 500})
	}
	tty.await(t, "0 of 45 images")
	for i, line := range strings.Split(strings.TrimSpace(tty.frame()), "\n") {
		if i > shownBars || len([]rune(line)) > 100 {
			t.Errorf("line %d: %s", i, line)
		}
	}
	for _, c := range changes[:20] {
		p.Tell(apply.Event{Stage: apply.Done, Change: c})
	}
	p.Tell(apply.Event{Stage: apply.Moving, Change: changes[44], Bytes: 500})
	tty.await(t, "20 of 45 images")
	p.Close()
	p.Close()
	got := tty.screen(t)
	if n := strings.Count(got, "\n"); n != 20 || strings.Contains(got, "images") || strings.Contains(got, "[") {
		t.Errorf("what stays on the screen:\n%s", got)
	}
}

// TestBarsMakeRoom: images that have all their bytes and are not done yet give their bars to those that come.
func TestBarsMakeRoom(t *testing.T) {
	tty := newTerminal(t, 24, 100)
	p := NewProgress(tty.slave, true, false)
	for i := range 20 {
		p.Tell(apply.Event{Stage: apply.Moving, Change: image(plan.Create, fmt.Sprintf("a.example/n%02d:1", i), 1000), Bytes: 1000})
	}
	tty.await(t, "a.example/n19:1  [")
	if n := len(p.bars.shown); n != shownBars {
		t.Errorf("%d bars", n)
	}
	p.Close()
}

// TestTerminalGoes: an apply survives the terminal that it was started on.
func TestTerminalGoes(t *testing.T) {
	tty := newTerminal(t, 24, 80)
	p := NewProgress(tty.slave, true, false)
	all := some()[3:]
	p.Tell(all[0])
	tty.await(t, "0 of 1 images")
	tty.hangUp()
	<-p.bars.summary.gone()
	for _, e := range all[1:] {
		p.Tell(e)
	}
	p.Close()
}

// gone is closed when the bar is no longer drawn.
func (n *bar) gone() <-chan struct{} {
	c := make(chan struct{})
	go func() { n.Wait(); close(c) }()
	return c
}

// TestNothingToShow: without images the terminal is left alone.
func TestNothingToShow(t *testing.T) {
	tty := newTerminal(t, 24, 80)
	p := NewProgress(tty.slave, true, true)
	for _, e := range some()[:3] {
		p.Tell(e)
	}
	p.Close()
	if got := tty.screen(t); got != "" {
		t.Errorf("%q", got)
	}
}

func TestFigures(t *testing.T) {
	for want, got := range map[string]string{
		"32 MB of 64 MB":                         figures(32e6, 64e6, 999*time.Millisecond),
		"32 MB of 64 MB  16 MB/s  2 s left":      figures(32e6, 64e6, 2*time.Second),
		"64 MB of 64 MB  32 MB/s":                figures(64e6, 64e6, 2*time.Second),
		"70 MB of 64 MB  35 MB/s":                figures(70e6, 64e6, 2*time.Second),
		"12 MB  12 MB/s":                         figures(12e6, 0, time.Second),
		"1 B of 1.0 TB  1 B/s":                   figures(1, 1e12, time.Second),
		"0 B of 64 MB  0 B/s":                    figures(0, 64e6, time.Second),
		"1.0 MB of 1.0 GB  100 kB/s  2 h 46 min": strings.TrimSuffix(figures(1e6, 1e9, 10*time.Second), " left"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9951: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB", 64_000_000: "64 MB",
		1_230_000_000: "1.2 GB", 45_600_000_000: "46 GB", 999_600_000_000: "1.0 TB", 12_340_000_000_000: "12.3 TB",
	} {
		if got := render.Size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 s", 1240 * time.Millisecond: "1.2 s", 9960 * time.Millisecond: "10 s", 59400 * time.Millisecond: "59 s", 59600 * time.Millisecond: "1 min 0 s",
		306 * time.Second: "5 min 6 s", 3600 * time.Second: "1 h 0 min", 7*time.Hour + 8*time.Minute: "7 h 8 min",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
