package view

import (
	"regexp"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/regsync/regsync/plan"
)

const hidden = "(sensitive)"

// Diff gives what a change does to its file, as a unified diff with secrets masked. It is empty where the content stays.
func Diff(c plan.Change) string {
	return unified(c, c.Name, c.Name+" (planned)")
}

// unified gives the contents of a change as a unified diff between two names.
func unified(c plan.Change, from, to string) string {
	if c.Sensitive {
		return ""
	}
	if c.Before == nil {
		from = "/dev/null"
	}
	if c.After == nil {
		to = "/dev/null"
	}
	text := string(diff.Diff(from, []byte(Masked(string(c.Before))), to, []byte(Masked(string(c.After)))))
	if _, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(text, "diff ") {
		text = rest
	}
	return text
}

// secrets are the values that files of others may hold and that nobody should read over a shoulder: containerd's
// registry.configs.*.auth, headers of a hosts.toml, and passwords in URLs.
var secrets = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)((?:password|auth|identitytoken|registrytoken|token|secret|authorization|proxy-authorization|cookie|x-[a-z-]*(?:token|key|auth))["']?\s*[=:]\s*)(?:\[[^\]]*\]|"""(?s:.*?)"""|'''(?s:.*?)'''|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}#]+)`),
		regexp.MustCompile(`(://)[^/@\s"']+(?:@)`),
	}
})

// Masked gives a text with what looks like a secret masked.
func Masked(text string) string {
	text = secrets()[0].ReplaceAllString(text, "${1}"+hidden)
	return secrets()[1].ReplaceAllString(text, "${1}"+hidden+"@")
}

// visible shows control characters as ^X, as git does: what a file of others holds must not steer the terminal.
func visible(text string) string {
	control := func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }
	if !strings.ContainsFunc(text, control) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if control(r) {
			b.WriteByte('^')
			r ^= 0x40
		}
		b.WriteRune(r)
	}
	return b.String()
}

// colorDiff paints the lines of a unified diff.
func colorDiff(text string, p paint) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		body, nl := strings.CutSuffix(line, "\n")
		attribute := 0
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"):
			attribute = bold
		case strings.HasPrefix(line, "@@"):
			attribute = cyan
		case strings.HasPrefix(line, "+"):
			attribute = green
		case strings.HasPrefix(line, "-"):
			attribute = red
		default:
			continue
		}
		lines[i] = p(attribute, body)
		if nl {
			lines[i] += "\n"
		}
	}
	return strings.Join(lines, "")
}
