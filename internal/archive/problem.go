package archive

import (
	"errors"
	"fmt"
)

// Problem is what is wrong with an archive.
type Problem struct {
	Message string // lower case, no full stop
	Hint    string // how to come to a good archive; may be empty
	Err     error  // what lies beneath; may be nil
}

// Error gives the message and its cause. The hint is not in it: the terminal prints it on a line of its own.
func (p *Problem) Error() string {
	if p.Err != nil {
		return p.Message + ": " + p.Err.Error()
	}
	return p.Message
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

func problem(hint, format string, args ...any) *Problem {
	return &Problem{Message: fmt.Sprintf(format, args...), Hint: hint}
}

// within says of what an error is: image a:1. A problem stays one.
func within(what string, err error) error {
	var p *Problem
	if errors.As(err, &p) {
		return &Problem{Message: what + ": " + p.Message, Hint: p.Hint, Err: p.Err}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// What there is to do about an archive.
const (
	copyAgain = "the file is not complete or was changed on its way: copy it again and compare its sha256 with that of the source"
	fromDir   = "skopeo copy dir:DIRECTORY oci-archive:FILE.tar:IMAGE:TAG"
	saveAgain = "make it again: docker save -o FILE.tar IMAGE:TAG, or skopeo copy --all docker://IMAGE:TAG oci-archive:FILE.tar:IMAGE:TAG"
)

// Advice is the hint: what to do about the archive.
func (p *Problem) Advice() string { return p.Hint }
