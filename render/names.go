package render

import (
	"slices"
	"strings"
)

// nameLines gives the names of a list, one a line.
func nameLines(data []byte) []string {
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
}

// NameList gives names as the body of a resource whose scope is [Names].
func NameList(names []string) []byte {
	data := []byte{}
	for _, n := range names {
		data = append(append(data, n...), '\n')
	}
	return data
}

// Renamed gives the names that the list after has and before lacks, and the other way round.
func Renamed(before, after []byte) (added, removed []string) {
	was, is := nameLines(before), nameLines(after)
	for _, n := range is {
		if !slices.Contains(was, n) {
			added = append(added, n)
		}
	}
	for _, n := range was {
		if !slices.Contains(is, n) {
			removed = append(removed, n)
		}
	}
	return added, removed
}

// JoinNames gives the names of two lists, those of the first one first.
func JoinNames(a, b []byte) []byte { return proposeNames(a, b) }

// proposeNames puts the names of body that live lacks to its end.
func proposeNames(live, body []byte) []byte {
	added, _ := Renamed(live, body)
	return slices.Concat(live, NameList(added))
}

// withdrawNames takes the names of body out of live, but for those that were there before.
func withdrawNames(live, before, body []byte) []byte {
	if live == nil {
		return nil
	}
	theirs, ours := nameLines(before), nameLines(body)
	return NameList(slices.DeleteFunc(nameLines(live), func(n string) bool {
		return slices.Contains(ours, n) && !slices.Contains(theirs, n)
	}))
}
