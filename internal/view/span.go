package view

import (
	"fmt"
	"math"
	"time"
)

// span gives a duration as people read it: 1.2 s, 34 s, 5 min 6 s, 7 h 8 min.
func span(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 59.5:
		return fmt.Sprintf("%.0f s", s)
	}
	switch s := int(math.Round(d.Seconds())); {
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	default:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	}
}
