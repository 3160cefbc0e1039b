package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/regsync/regsync/internal/probe"
)

// Verification is how well what the file asks for works.
type Verification struct {
	CRI       *Program // nil: there is none to be asked
	Docker    *Program // nil: it is not looked after
	Endpoints []probe.Asked
	Images    []TestPull
	Notes     []string
	Left      []string // what is left to the node when it runs
}

// Program is a daemon that pulls.
type Program struct {
	Running       bool
	Name, Version string
	Error         string // why it is of no use; empty: it is
}

// TestPull is a pull that was only tried.
type TestPull struct {
	Image   string // the reference in full
	Error   string // why it failed; empty: it did not
	Found   bool   // the image was there before, and stays
	Removed bool
	Users   []string // containers that use it by now, which is why it stays
	Took    time.Duration
}

// Failures says what does not work, a sentence each.
func (v Verification) Failures() []string {
	var all []string
	if v.CRI != nil && v.CRI.Error != "" {
		all = append(all, v.CRI.Error)
	}
	if v.Docker != nil && v.Docker.Error != "" {
		all = append(all, v.Docker.Error)
	}
	for _, g := range probe.Groups(v.Endpoints) {
		if !g.Contact.OK {
			all = append(all, fmt.Sprintf("%s %s of %s: %s", g.Role(), g.URL, registriesOf(g), g.Contact.Error))
		}
	}
	for _, i := range v.Images {
		if i.Error != "" {
			all = append(all, i.Error)
		}
	}
	return all
}

// Verification writes a table of what was asked, and how it went.
func (t Text) Verification(v Verification) {
	c := painter(t.Color)
	rows := v.rows()
	width := 0
	for _, r := range rows {
		width = max(width, len(r.name))
	}
	width = min(width, 80)
	for _, r := range rows {
		mark, words := c(green, "ok"), visible(r.words)
		if !r.ok {
			mark, words = c(red, "no"), c(red, words)
		}
		fmt.Fprintln(t.W, strings.TrimRight(fmt.Sprintf("  %s  %-8s  %-*s  %s", mark, r.kind, width, r.name, words), " "))
	}
	for _, note := range v.Notes {
		fmt.Fprintf(t.W, "%s %s\n", c(yellow, "Note:"), visible(note))
	}
	for _, left := range v.Left {
		fmt.Fprintf(t.W, "%s %s\n", c(faint, "Left to the running node:"), left)
	}
	fmt.Fprintln(t.W, v.summary(c))
}

// row is one line of the table.
type row struct {
	ok                bool
	kind, name, words string
}

func (v Verification) rows() []row {
	var rows []row
	for _, p := range []struct {
		kind string
		*Program
	}{{"cri", v.CRI}, {"docker", v.Docker}} {
		if p.Program != nil {
			rows = append(rows, row{p.Error == "", p.kind, p.said(), p.Error})
		}
	}
	for _, g := range probe.Groups(v.Endpoints) {
		rows = append(rows, row{g.Contact.OK, g.Role(), g.URL + "  of " + registriesOf(g), contactWords(g.Asked)})
	}
	for _, i := range v.Images {
		rows = append(rows, row{i.Error == "", "image", i.Image, i.words()})
	}
	return rows
}

// summary says in one line how much of it works.
func (v Verification) summary(c paint) string {
	endpoints, good, images := probe.Groups(v.Endpoints), 0, 0
	for _, g := range endpoints {
		if g.Contact.OK {
			good++
		}
	}
	for _, i := range v.Images {
		if i.Error == "" {
			images++
		}
	}
	s := "the file names no endpoint"
	if len(endpoints) > 0 {
		s = fmt.Sprintf("%d of %d endpoints work", good, len(endpoints))
	}
	if len(v.Images) > 0 {
		s += fmt.Sprintf("; %d of %d images could be pulled", images, len(v.Images))
	}
	if len(v.Failures()) > 0 {
		return c(red, "Not well:") + " " + s + "."
	}
	return c(green, "Well:") + " " + s + "."
}

// said gives a program's name and version.
func (p *Program) said() string {
	if !p.Running {
		return "does not run"
	}
	return p.Name + " " + p.Version
}

func registriesOf(g probe.Group) string {
	const shown = 3
	if n := len(g.Registries); n > shown+1 {
		return strings.Join(g.Registries[:shown], ", ") + fmt.Sprintf(" and %d more", n-shown)
	}
	return strings.Join(g.Registries, ", ")
}

// contactWords says how an endpoint was found.
func contactWords(a probe.Asked) string {
	var words []string
	say := func(s string) {
		if s != "" {
			words = append(words, s)
		}
	}
	say(a.Contact.Error)
	say(tlsWords(a.Contact.TLS))
	say(loginWords(a))
	if a.Contact.Redirect != "" {
		say("sends to " + a.Contact.Redirect)
	}
	if a.Contact.Took > 0 {
		say(a.Contact.Took.Round(time.Millisecond).String())
	}
	return strings.Join(words, " · ")
}

func tlsWords(t probe.TLS) string {
	by, until := "", ""
	if t.Authority != "" {
		by = " by " + t.Authority
	}
	if !t.Expires.IsZero() {
		until = ", until " + t.Expires.UTC().Format(time.DateOnly)
	}
	switch t.Mode {
	case probe.Plain:
		return "plain http"
	case probe.Verified:
		return "verified" + by + until
	case probe.NotVerified:
		return "not verified" + until
	case probe.Disbelieved:
		return "certificate" + by + until
	case probe.TLSUnknown:
		return ""
	}
	panic(fmt.Sprintf("unknown mode %q", t.Mode))
}

func loginWords(a probe.Asked) string {
	name := "credential"
	if a.Credential != "" {
		name += " " + a.Credential
	}
	c := a.Contact.Credentials
	token := ""
	if c.Token != "" {
		token = ", tokens from " + c.Token
	}
	switch c.State {
	case probe.LoginUnknown:
		return ""
	case probe.NotNeeded:
		return "no credential needed" + token
	case probe.Accepted:
		return name + " accepted" + token
	case probe.Refused:
		return name + " refused" + token
	case probe.Wanted:
		return "wants a credential and has none" + token
	case probe.NotSent:
		return name + " not sent" + token
	}
	panic(fmt.Sprintf("unknown state %q", c.State))
}

func (i TestPull) words() string {
	took := " · " + i.Took.Round(time.Millisecond).String()
	switch {
	case i.Error != "":
		return i.Error
	case i.Found:
		return "pulled; it was there before" + took
	case i.Removed:
		return "pulled, and removed again" + took
	}
	return "pulled; it stays, for " + strings.Join(i.Users, ", ") + " uses it" + took
}
