package spec_test

import (
	"testing"
	"time"

	"github.com/regsync/regsync/spec"
)

func TestParseWindow(t *testing.T) {
	for _, c := range []struct {
		text     string
		days     string // one letter a day from Sunday on; empty: an error
		from, to int
	}{
		{"Sat 02:00-04:00", "......x", 120, 240},
		{"Sat,Sun 00:00-23:59", "x.....x", 0, 1439},
		{"Mon-Fri 22:00-05:30", ".xxxxx.", 1320, 330},
		{"Fri-Mon 01:00-02:00", "xx...xx", 60, 120},
		{"daily 02:00-04:00", "xxxxxxx", 120, 240},
		{"02:00-04:00", "", 0, 0},
		{"Sat", "", 0, 0},
		{"sat 02:00-04:00", "", 0, 0},
		{"Sat 24:00-25:00", "", 0, 0},
		{"Sat 02:00-02:00", "", 0, 0},
		{"Sat 02:00", "", 0, 0},
		{"Sat, 02:00-04:00", "", 0, 0},
		{"daily,Sat 02:00-04:00", "", 0, 0},
	} {
		w, err := spec.ParseWindow(c.text)
		if c.days == "" {
			if err == nil {
				t.Errorf("%s is read as %v", c.text, w)
			}
			continue
		}
		days := ""
		for _, is := range w.Days {
			days += map[bool]string{true: "x", false: "."}[is]
		}
		if err != nil || days != c.days || w.From != c.from || w.To != c.to {
			t.Errorf("%s: %s %d %d, %v", c.text, days, w.From, w.To, err)
		}
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		window, at string
		in         bool
		next       string
	}{
		{"Sat 02:00-04:00", "Sat 2026-11-21 02:00", true, "Sat 2026-11-28 02:00"},
		{"Sat 02:00-04:00", "Sat 2026-11-21 01:59", false, "Sat 2026-11-21 02:00"},
		{"Sat 02:00-04:00", "Sat 2026-11-21 04:00", false, "Sat 2026-11-28 02:00"},
		{"Sat 02:00-04:00", "Sun 2026-11-22 03:00", false, "Sat 2026-11-28 02:00"},
		{"Fri 22:00-05:30", "Fri 2026-11-20 23:00", true, "Fri 2026-11-27 22:00"},
		{"Fri 22:00-05:30", "Sat 2026-11-21 05:29", true, "Fri 2026-11-27 22:00"},
		{"Fri 22:00-05:30", "Sat 2026-11-21 05:30", false, "Fri 2026-11-27 22:00"},
		{"Fri 22:00-05:30", "Fri 2026-11-20 05:00", false, "Fri 2026-11-20 22:00"},
		{"daily 12:00-13:00", "Wed 2026-12-30 13:00", false, "Thu 2026-12-31 12:00"},
		{"Mon-Fri 00:00-01:00", "Fri 2027-01-01 00:30", true, "Mon 2027-01-04 00:00"},
	} {
		const form = "Mon 2006-01-02 15:04"
		w, err := spec.ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(form, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if in, next := w.Contains(at), w.Next(at).Format(form); in != c.in || next != c.next {
			t.Errorf("%s at %s: in it %v, next %s", c.window, c.at, in, next)
		}
	}
}
