package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/internal/probe"
)

// Road writes the road of a pull as a small tree, and what becomes of it in one sentence.
func (t Text) Road(r probe.Road) {
	c := painter(t.Color)
	who := r.Runtime
	if r.Version != "" {
		who += " " + r.Version
	}
	fmt.Fprintf(t.W, "%s  %s\n", c(bold, r.Image), c(faint, "pulled by "+who))
	var branches [][]string
	if r.Directory != "" {
		branches = append(branches, []string{"directory  " + r.Directory})
	} else if r.Runtime != "docker" && r.Error == "" {
		branches = append(branches, []string{"directory  " + c(faint, "none")})
	}
	for _, p := range r.PassedOver {
		branches = append(branches, []string{c(faint, "passed     "+p.Path+": "+p.Why)})
	}
	if r.File != "" {
		branches = append(branches, []string{"file       " + r.File})
	}
	for i, e := range r.Endpoints {
		branches = append(branches, t.endpoint(i, e, r, c))
	}
	for _, note := range r.Notes {
		branches = append(branches, []string{c(yellow, "note") + "       " + note})
	}
	for i, lines := range branches {
		first, rest := "├─ ", "│  "
		if i == len(branches)-1 {
			first, rest = "└─ ", "   "
		}
		for n, line := range lines {
			if n > 0 {
				first = rest
			}
			fmt.Fprintln(t.W, c(faint, first)+line)
		}
	}
	attribute := green
	if r.Error != "" {
		attribute = red
	}
	fmt.Fprintf(t.W, "\n%s\n", c(attribute, sentenceOf(r.Verdict)))
}

// endpoint gives an endpoint's lines.
func (t Text) endpoint(i int, e probe.Endpoint, r probe.Road, c paint) []string {
	name := e.URL
	if e.Upstream {
		name += "  " + c(faint, "upstream")
	}
	var words []string
	words = append(words, strings.Join(e.Capabilities, ", "), e.TLS)
	if e.Credentials != "none" {
		words = append(words, e.Credentials)
	}
	if len(e.Headers) > 0 {
		words = append(words, "headers "+strings.Join(e.Headers, ", "))
	}
	lines := []string{fmt.Sprintf("%-10s %s", fmt.Sprintf("asks %d", i+1), c(bold, name)), strings.Repeat(" ", 11) + c(faint, strings.Join(words, " · "))}
	if a := e.Probe; a != nil {
		said := c(green, "has it")
		if !a.OK {
			said = c(red, a.Error)
		}
		if a.Status != 0 {
			said += fmt.Sprintf(" (%d, %s)", a.Status, a.Took.Round(time.Millisecond))
		}
		var roles []string
		for _, role := range []struct{ by, does string }{{r.ResolvedBy, "resolves"}, {r.ServedBy, "serves the manifest"}, {r.LayersBy, "serves the layers"}} {
			if first := slices.IndexFunc(r.Endpoints, func(o probe.Endpoint) bool { return o.URL == role.by }); first == i {
				roles = append(roles, role.does)
			}
		}
		if roles != nil {
			said += ": " + strings.Join(roles, ", ")
		}
		lines = append(lines, strings.Repeat(" ", 11)+said)
	}
	return lines
}

// sentenceOf gives a text a capital and a full stop.
func sentenceOf(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
