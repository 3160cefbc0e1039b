package watch

import "time"

// Pace says when to look again though nobody rang.
type Pace struct {
	Resync time.Duration // between two looks at a node where all is well

	failures int
}

// How long to wait after a failure: a second, then twice as long each time.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// Next gives the time until the next look, after one that went well or did not. Spread is a random number from 0 to 1, so that a thousand nodes
// don't ask all at once: a resync comes up to a tenth earlier, another try up to half of its pause.
func (p *Pace) Next(failed bool, spread float64) time.Duration {
	if !failed {
		p.failures = 0
		return p.Resync - time.Duration(spread*float64(p.Resync)/10)
	}
	pause := min(firstPause<<min(p.failures, 20), lastPause)
	p.failures++
	return pause - time.Duration(spread*float64(pause)/2)
}
