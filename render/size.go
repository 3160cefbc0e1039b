package render

import "fmt"

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

// Count gives a number of things as people read it: 1 image, 2 images.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
