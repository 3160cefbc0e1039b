// Command fleet tells what becomes of a registry when a new file and a new archive reach a fleet: a simulation, event by event, with the pauses
// and the jitter of the program's own code, and the same figures each time. docs/fleet.md tells what it takes for granted.
package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

const seed = 1

func main() { report(os.Stdout) }

// report writes the figures as the table of the page.
func report(w io.Writer) {
	fmt.Fprintln(w, "| nodes | the file arrives | registry's peak | busiest second | refused | registry sends | 50 % | 95 % | 100 % |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, nodes := range []int{100, 1000, 10000} {
		for _, s := range scenarios {
			f := s.reach(nodes, seed)
			fmt.Fprintf(w, "| %d | %s | %.0f MB/s | %d requests | %d | %s | %s | %s | %s |\n",
				nodes, s.name, f.peak/1e6, f.requests, f.refused, bytes(f.sent), span(f.half), span(f.late), span(f.in))
		}
	}
}

func bytes(n float64) string {
	if n >= 1e12 {
		return fmt.Sprintf("%.1f TB", n/1e12)
	}
	return fmt.Sprintf("%.1f GB", n/1e9)
}

// span rounds a time as people say it.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
