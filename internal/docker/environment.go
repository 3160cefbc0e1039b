package docker

import "strings"

// assignment is NAME=VALUE of an environment file.
type assignment struct{ name, value string }

// parseEnvironment reads a file of assignments as systemd and init scripts do: one a line, export before it, the value in quotes or
// not. What a shell would make of the rest of its language is not looked at.
func parseEnvironment(text string) []assignment {
	var all []assignment
	for _, line := range logicalLines(text) {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		all = append(all, assignment{name, value})
	}
	return all
}

// splitWords splits a command line at blanks, but not within quotes, which are taken off.
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	inside, quote := false, rune(0)
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inside = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if inside {
				words = append(words, word.String())
				word.Reset()
			}
			inside = false
		default:
			word.WriteRune(c)
			inside = true
		}
	}
	if inside {
		words = append(words, word.String())
	}
	return words
}
