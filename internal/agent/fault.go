package agent

import (
	"errors"
	"fmt"
)

// What can be wrong with a push to a node; a [Fault] is one of these.
var (
	ErrUnauthorized = errors.New("the cluster agent does not know the callback token")
	ErrRefused      = errors.New("the cluster agent refused the archive")
	ErrTimedOut     = errors.New("the cluster agent's time was over")
	ErrUnreachable  = errors.New("the cluster agent was not reached")
	ErrNotAgent     = errors.New("what answered is no cluster agent")
	ErrUntrusted    = errors.New("the certificate could not be verified")
)

// Fault is why a node did not get an archive. The node is as it was: images appear in its store only when all of the archive is in.
type Fault struct {
	Node   Node
	Kind   error  // one of the Err… above; errors.Is finds it
	Detail string // what happened there
	Hint   string // what to do about it; may be empty
	Cause  error  // may be nil
}

func (f *Fault) Error() string {
	text := fmt.Sprintf("pushing to node %q (%s): %v", f.Node.Name, f.Node.Address, f.Kind)
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	if f.Cause != nil {
		text += ": " + f.Cause.Error()
	}
	return text
}

func (f *Fault) Unwrap() []error {
	if f.Cause == nil {
		return []error{f.Kind}
	}
	return []error{f.Kind, f.Cause}
}
