package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

const (
	page  = "../../docs/fleet.md"
	begin = "<!-- figures -->\n"
	end   = "<!-- end -->"
)

// TestPage compares the figures of the page with those of the simulation. UPDATE=1 writes them.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	is, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for figures", page)
	}
	var should strings.Builder
	report(&should)
	if is == should.String() {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s shows\n%sand it is\n%s", page, is, should.String())
	}
	if err := os.WriteFile(page, []byte(before+begin+should.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestServer holds a server to what can be reckoned by hand.
func TestServer(t *testing.T) {
	c := &clock{}
	s := &server{clock: c, line: 100, each: 60, most: 2, size: 100, has: true, requests: map[time.Duration]int{}}
	var ended []time.Duration
	get := func() bool { return s.get(func() { ended = append(ended, c.now) }) }
	c.at(0, func() { get() })
	c.at(time.Second, func() {
		get()
		if get() {
			t.Error("a third transfer is taken")
		}
	})
	c.run()
	// The first gets 60 in its first second, then 50 a second: 40 more take 0.8 s. Meanwhile the second got 40, then it gets 60 a second.
	if len(ended) != 2 || ended[0].Round(time.Millisecond) != 1800*time.Millisecond || ended[1].Round(time.Millisecond) != 2800*time.Millisecond {
		t.Errorf("ended at %v", ended)
	}
	if s.refused != 1 || s.peak != 100 || s.busiest() != 2 || s.ended != 2 {
		t.Errorf("refused %d, peak %v, busiest %d, ended %d", s.refused, s.peak, s.busiest(), s.ended)
	}
}

// TestMirror: however many ask, a mirror asks once, and gives nothing before it has it.
func TestMirror(t *testing.T) {
	f := scenario{jitter: true, mirrors: true}.reach(perSite, seed)
	if f.sent != archive || f.requests != 1 || f.peak != node {
		t.Errorf("%+v", f)
	}
	if f.half < 16*time.Second {
		t.Errorf("half of the site has it after %v, and the mirror after 16 s", f.half)
	}
}
