package spec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// describe says what a value is, for "wants a string, found …".
func describe(n *yaml.Node) string {
	n = target(n)
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "the boolean " + short(n.Value)
	case "!!int", "!!float":
		return "the number " + short(n.Value)
	case "!!timestamp":
		return "the date " + short(n.Value)
	case "!!str", mergeTag:
		return strconv.Quote(short(n.Value))
	}
	return fmt.Sprintf("a value with the tag %s", n.Tag)
}

// sortOf says what sort of value a node is without showing it: where a mapping was wanted it may be a password.
func sortOf(n *yaml.Node) string {
	n = target(n)
	if n.Kind != yaml.ScalarNode {
		return describe(n)
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "a string"
}

// short cuts what is too long to be shown.
func short(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// quote is a string of the user's in a message.
func quote(s string) string { return strconv.Quote(short(s)) }

// printable reports whether a string has no character that would end a line, or be seen as something else, in a file that
// it is written to.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
		}
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
