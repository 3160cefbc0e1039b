package main

import (
	"context"
	"errors"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/view"
)

// The exit codes.
const (
	exitDone        = 0   // done, or nothing to do
	exitError       = 1   // an error, and the node is as it was
	exitPending     = 2   // changes are pending, or something does not work
	exitPart        = 3   // part of it is not done; the rest is applied and recorded
	exitUndoFailed  = 4   // an undo failed too
	exitInterrupted = 130 // the user or the system asked us to stop
)

// hinted is an error with a word on what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// hintOf gives the word of advice that an error carries, if it carries one.
func hintOf(err error) string {
	if h := (hinted{}); errors.As(err, &h) {
		return h.hint
	}
	return ""
}

// codeError ends the command with a code that is no failure.
type codeError int

func (codeError) Error() string { return "" }

// report shows an error and gives the exit code that it means.
func (c *command) report(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	if code := codeError(0); errors.As(err, &code) {
		return int(code)
	}
	view.Error(c.err, c.colorErr, err)
	if hint := hintOf(err); hint != "" {
		view.Hint(c.err, c.colorErr, hint)
	}
	if undo := (*apply.UndoError)(nil); errors.As(err, &undo) {
		return exitUndoFailed
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		return exitInterrupted
	}
	return exitError
}
