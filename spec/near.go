package spec

import (
	"slices"
	"strings"
)

// nearest is the candidate that a misspelt word was probably meant to be, or "".
func nearest(word string, candidates []string) string {
	bare := strings.NewReplacer("_", "", "-", "", " ", "")
	fold := func(s string) string { return bare.Replace(strings.ToLower(s)) }
	if len(word) > 64 {
		return ""
	}
	best, least := "", 1+len(word)/4
	if len(word) <= 2 {
		least = 1
	}
	for _, c := range candidates {
		if fold(c) == fold(word) {
			return c
		}
		if d := distance(fold(word), fold(c)); d <= least && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// didYouMean makes nearest a hint.
func didYouMean(word string, candidates []string) string {
	if c := nearest(word, candidates); c != "" {
		return "did you mean " + c + "?"
	}
	return ""
}

// distance is the number of letters to add, drop, change, or swap with their neighbour to make a into b.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// oneOf lists words for a message: a, b or c.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	words = slices.Clone(words)
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
