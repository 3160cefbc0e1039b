package view

import (
	"fmt"
	"math"
	"time"
)

// Size gives a number of bytes as people read it: in decimal units, with two digits at least where the unit is not the byte, as in 1.2 GB,
// 64 MB, 912 kB, 17 B.
func Size(bytes int64) string {
	if bytes < 1000 {
		return fmt.Sprintf("%d B", bytes)
	}
	n := float64(bytes)
	for _, unit := range []string{"kB", "MB", "GB"} {
		n /= 1000
		switch {
		case n < 9.95:
			return fmt.Sprintf("%.1f %s", n, unit)
		case n < 999.5:
			return fmt.Sprintf("%.0f %s", n, unit)
		}
	}
	return fmt.Sprintf("%.1f TB", n/1000)
}

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
