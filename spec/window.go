package spec

import (
	"fmt"
	"strings"
	"time"
)

// Window is a time of the week, in the node's local time, in which what disturbs it may run.
type Window struct {
	Days     [7]bool // on which it begins; Sunday is 0, as in package time
	From, To int     // minutes from midnight; To before From is on the next day
}

var days = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// ParseWindow reads "Sat 02:00-04:00". The days are names, lists of names (Sat,Sun), ranges (Mon-Fri), or daily.
func ParseWindow(s string) (Window, error) {
	var w Window
	on, hours, found := strings.Cut(s, " ")
	if !found {
		return w, fmt.Errorf("%s is not DAYS HH:MM-HH:MM", quote(s))
	}
	for part := range strings.SplitSeq(on, ",") {
		if part == "daily" && on == part {
			w.Days = [7]bool{true, true, true, true, true, true, true}
			break
		}
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, last := day(from), day(to)
		if first < 0 || last < 0 {
			return w, fmt.Errorf("%s is not a day: write Mon, Tue, Wed, Thu, Fri, Sat, Sun, a range, or daily", quote(part))
		}
		for d := first; ; d = (d + 1) % 7 {
			w.Days[d] = true
			if d == last {
				break
			}
		}
	}
	from, to, _ := strings.Cut(hours, "-")
	var ok, well bool
	w.From, ok = minutes(from)
	w.To, well = minutes(to)
	if !ok || !well {
		return w, fmt.Errorf("%s is not HH:MM-HH:MM", quote(hours))
	}
	if w.From == w.To {
		return w, fmt.Errorf("%s ends as it begins", quote(hours))
	}
	return w, nil
}

func day(s string) int {
	for i, d := range days {
		if d == s {
			return i
		}
	}
	return -1
}

// minutes reads HH:MM.
func minutes(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	n := [4]int{}
	for i, at := range []int{0, 1, 3, 4} {
		if s[at] < '0' || s[at] > '9' {
			return 0, false
		}
		n[i] = int(s[at] - '0')
	}
	hour, minute := n[0]*10+n[1], n[2]*10+n[3]
	return hour*60 + minute, hour < 24 && minute < 60
}

// Contains reports whether a time, as the node's clock shows it, is in the window.
func (w Window) Contains(at time.Time) bool {
	now := 60*at.Hour() + at.Minute()
	today, yesterday := w.Days[at.Weekday()], w.Days[(at.Weekday()+6)%7]
	if w.From < w.To {
		return today && w.From <= now && now < w.To
	}
	return today && w.From <= now || yesterday && now < w.To
}

// Next gives when the window opens next after a time.
func (w Window) Next(after time.Time) time.Time {
	year, month, day := after.Date()
	for d := range 8 {
		opens := time.Date(year, month, day+d, 0, w.From, 0, 0, after.Location())
		if w.Days[opens.Weekday()] && opens.After(after) {
			return opens
		}
	}
	return after
}
