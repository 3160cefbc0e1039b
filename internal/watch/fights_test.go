package watch

import (
	"testing"
	"time"
)

// Somebody changes a thing at once after each time that it is put right.
func TestFights(t *testing.T) {
	var f Fights
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	writes := map[time.Duration]int{}
	for now := start; now.Before(start.Add(4 * time.Hour)); now = now.Add(100 * time.Millisecond) {
		if _, truce := f.Truces(now)["/etc/hosts"]; truce {
			continue
		}
		f.Healed("/etc/hosts", now)
		writes[now.Sub(start).Truncate(time.Hour)]++
	}
	want := map[time.Duration]int{0: 8, time.Hour: 1, 2 * time.Hour: 1, 3 * time.Hour: 1}
	for hour, n := range want {
		if writes[hour] != n {
			t.Errorf("hour %v: written %d times, want %d", hour, writes[hour], n)
		}
	}
	// An hour later nobody fights any more.
	if until := f.Healed("/etc/hosts", start.Add(10*time.Hour)); !until.IsZero() {
		t.Errorf("left alone until %v after there was peace", until)
	}
	// What is healed now and then is no fight.
	for i := range 100 {
		if until := f.Healed("/etc/docker/daemon.json", start.Add(time.Duration(i)*6*time.Minute)); !until.IsZero() {
			t.Errorf("left alone until %v", until)
		}
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
