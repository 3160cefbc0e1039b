package view

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// paint puts a text into a colour, by the number of the SGR attribute, or leaves it as it is.
type paint func(attribute int, s string) string

// The attributes that are used.
const (
	bold   = 1
	faint  = 2
	red    = 31
	green  = 32
	yellow = 33
	cyan   = 36
)

func painter(on bool) paint {
	if !on {
		return func(_ int, s string) string { return s }
	}
	return func(attribute int, s string) string { return fmt.Sprintf("\x1b[%dm%s\x1b[0m", attribute, s) }
}

// UseColor decides whether what goes to w is coloured. mode is auto, always or never; auto asks the environment first
// (https://no-color.org, FORCE_COLOR, TERM=dumb) and then whether w is a terminal.
func UseColor(mode string, w io.Writer, env func(string) string) bool {
	switch mode {
	case "always":
		return true
	case "never":
		return false
	}
	switch {
	case env("NO_COLOR") != "":
		return false
	case env("FORCE_COLOR") != "":
		return true
	case env("TERM") == "dumb":
		return false
	}
	return IsTerminal(w)
}

// IsTerminal reports whether w, a file, is a terminal.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
