package spec

import "fmt"

// Position is a place in a file of the user's. The zero Position means that the place is not known.
type Position struct {
	File string // as the user named it; "<stdin>" for standard input
	Line int    // from 1
	Col  int    // from 1, in characters
}

// IsValid reports whether the position names a place.
func (p Position) IsValid() bool { return p.Line > 0 }

// String gives FILE:LINE:COL, or FILE alone where the line is not known.
func (p Position) String() string {
	if !p.IsValid() {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one thing that is wrong, or that the user should know, at one place.
// It is an error value; whether it is an error or a warning is said by the list that it stands in.
type Problem struct {
	Position Position
	Path     string // mirrors[1].endpoints[0].url; empty for the whole file
	Message  string // lower case, no full stop: what is wrong, and why
	Hint     string // what to do about it; may be empty
}

// Error gives "FILE:LINE:COL: PATH: MESSAGE". The hint is not in it: the terminal prints it on a line of its own.
func (p *Problem) Error() string {
	s := p.Message
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if at := p.Position.String(); at != "" {
		s = at + ": " + s
	}
	return s
}
