package watch

import "time"

// Truces says what is to be left alone for a while, because to do it again would be in vain: somebody else changes it each time, or it fails each time.
type Truces struct {
	Rounds int           // how often it is done before the first truce
	Within time.Duration // in this time; and what is not done for so long begins anew
	First  time.Duration // how long the first truce is; each that follows is twice as long
	Last   time.Duration // but no longer than this

	with map[string]*truce
}

// Fights are truces with who changes a thing again and again. One who does so all the time has it changed back three times at once, then after 1, 2, 4, …
// seconds: 14 times in the first hour, and once in each that follows.
func Fights() *Truces {
	return &Truces{Rounds: 3, Within: 10 * time.Minute, First: time.Second, Last: time.Hour}
}

// Failures are truces with what fails by itself, as a pull does.
func Failures() *Truces {
	return &Truces{Rounds: 1, Within: 10 * time.Minute, First: time.Second, Last: time.Minute}
}

// Restarts are truces with an effect that fails: each try disturbs what runs twice, there and back.
func Restarts() *Truces {
	return &Truces{Rounds: 1, Within: 24 * time.Hour, First: time.Minute, Last: time.Hour}
}

// truce is about one thing.
type truce struct {
	done   []time.Time // the last few times
	length time.Duration
	until  time.Time
}

// Done says that a thing was done at a time. It reports until when it is to be left alone now; the zero time: it need not be.
func (t *Truces) Done(thing string, at time.Time) (until time.Time) {
	if t.with == nil {
		t.with = map[string]*truce{}
	}
	w := t.with[thing]
	if w == nil || w.length > 0 && at.Sub(w.until) > max(t.Within, w.length) {
		w = &truce{} // there was peace since
		t.with[thing] = w
	}
	w.done = append(w.done, at)
	if len(w.done) > t.Rounds {
		w.done = w.done[1:]
	}
	switch {
	case w.length > 0:
		w.length = min(2*w.length, t.Last)
	case len(w.done) == t.Rounds && at.Sub(w.done[0]) <= t.Within:
		w.length = t.First
	default:
		return time.Time{}
	}
	w.until = at.Add(w.length)
	return w.until
}

// Until gives the end of the truce about a thing; the zero time: there is none at that time.
func (t *Truces) Until(thing string, now time.Time) time.Time {
	if w := t.with[thing]; w != nil && now.Before(w.until) {
		return w.until
	}
	return time.Time{}
}

// Next gives when the next truce is over; the zero time: there is none at that time.
func (t *Truces) Next(now time.Time) (next time.Time) {
	for _, w := range t.with {
		if now.Before(w.until) && (next.IsZero() || w.until.Before(next)) {
			next = w.until
		}
	}
	return next
}

// Forget ends the truce about a thing, and what is remembered of it.
func (t *Truces) Forget(thing string) { delete(t.with, thing) }

// ForgetAll ends all truces: somebody has said anew what is wanted, or what stood in the way is gone.
func (t *Truces) ForgetAll() { t.with = nil }
