package watch

import (
	"testing"
	"time"
)

// Somebody changes a thing at once after each time that it is put right.
func TestFights(t *testing.T) {
	f := Fights()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	writes := map[time.Duration]int{}
	for now := start; now.Before(start.Add(4 * time.Hour)); now = now.Add(100 * time.Millisecond) {
		if !f.Until("/etc/hosts", now).IsZero() {
			continue
		}
		f.Done("/etc/hosts", now)
		writes[now.Sub(start).Truncate(time.Hour)]++
	}
	want := map[time.Duration]int{0: 14, time.Hour: 1, 2 * time.Hour: 1, 3 * time.Hour: 1}
	for hour, n := range want {
		if writes[hour] != n {
			t.Errorf("hour %v: written %d times, want %d", hour, writes[hour], n)
		}
	}
	// An hour later nobody fights any more.
	if until := f.Done("/etc/hosts", start.Add(10*time.Hour)); !until.IsZero() {
		t.Errorf("left alone until %v after there was peace", until)
	}
	// What is healed now and then is no fight.
	for i := range 100 {
		if until := f.Done("/etc/docker/daemon.json", start.Add(time.Duration(i)*6*time.Minute)); !until.IsZero() {
			t.Errorf("left alone until %v", until)
		}
	}
}

// What fails is tried again after one second, two, four, and at last once a minute, until it is done or something has changed.
func TestFailures(t *testing.T) {
	f := Failures()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		until := f.Done("a", now)
		if got := until.Sub(now); got != want*time.Second {
			t.Errorf("left alone for %v, want %v", got, want*time.Second)
		}
		if next := f.Next(now); next != until {
			t.Errorf("the next is over at %v, want %v", next, until)
		}
		now = until
	}
	if f.Done("b", now); f.Next(now) != now.Add(time.Second) {
		t.Error("another thing waits for the first one")
	}
	f.Forget("a")
	if until := f.Done("a", now); until != now.Add(time.Second) {
		t.Errorf("after a success it is left alone until %v", until)
	}
	if f.ForgetAll(); !f.Until("b", now).IsZero() || !f.Next(now).IsZero() {
		t.Error("a truce is not forgotten")
	}
}

func TestPace(t *testing.T) {
	p := Pace{Resync: 10 * time.Minute}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if got := p.Next(true, 0); got != want {
			t.Errorf("after a failure: %v, want %v", got, want)
		}
	}
	for range 100 {
		if got := p.Next(true, 1); got > lastPause/2 {
			t.Errorf("after many failures: %v", got)
		}
	}
	if got := p.Next(false, 0.5); got != 9*time.Minute+30*time.Second {
		t.Errorf("resync: %v", got)
	}
	if got := p.Next(true, 0); got != time.Second {
		t.Errorf("after a failure that follows a success: %v", got)
	}
}
