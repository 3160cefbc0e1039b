package spec_test

import (
	"testing"

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
