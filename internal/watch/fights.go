package watch

import "time"

// What a fight is, and how long one who gave in waits. With these, a thing that somebody else changes all the time is written at most
// rounds times at first, and then after 1, 2, 4, … minutes: eight times in the first hour, and once in each that follows.
const (
	rounds     = 3
	within     = 10 * time.Minute // that many heals in this time are a fight
	firstTruce = time.Minute
	lastTruce  = time.Hour
)

// Fights recognises that somebody else changes the same thing again and again. The zero Fights is ready.
type Fights struct{ with map[string]*fight }

// fight is over one thing.
type fight struct {
	healed []time.Time // the last few times that it was put right
	truce  time.Duration
	until  time.Time
}

// Healed says that a thing was put right at a time, after somebody else had changed it. It reports until when it is to be left alone
// now; the zero time: it is no fight yet.
func (f *Fights) Healed(thing string, at time.Time) (until time.Time) {
	if f.with == nil {
		f.with = map[string]*fight{}
	}
	w := f.with[thing]
	if w == nil || w.truce > 0 && at.Sub(w.until) > max(within, w.truce) {
		w = &fight{} // there was peace since
		f.with[thing] = w
	}
	w.healed = append(w.healed, at)
	if len(w.healed) > rounds {
		w.healed = w.healed[1:]
	}
	switch {
	case w.truce > 0:
		w.truce = min(2*w.truce, lastTruce)
	case len(w.healed) == rounds && at.Sub(w.healed[0]) <= within:
		w.truce = firstTruce
	default:
		return time.Time{}
	}
	w.until = at.Add(w.truce)
	return w.until
}

// Truces gives the things that are to be left alone at a time, each with its end.
func (f *Fights) Truces(now time.Time) map[string]time.Time {
	truces := map[string]time.Time{}
	for thing, w := range f.with {
		if now.Before(w.until) {
			truces[thing] = w.until
		}
	}
	return truces
}

// Forget ends all fights: somebody has said anew what is wanted.
func (f *Fights) Forget() { f.with = nil }
