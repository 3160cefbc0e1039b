package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Node is what is changed.
type Node interface {
	// Read gives a file as it is.
	Read(name string) (plan.Live, error)
	// Write makes a file have this content, or not be there where data is nil. A mode of 0 keeps the file's own.
	Write(name string, data []byte, mode fs.FileMode, owner *plan.Original) error
	// RemoveDir removes a directory if it is empty, and reports whether it is gone.
	RemoveDir(name string) bool
	// Run carries an effect out and makes sure that it took. It fails with ErrNotRunning where there is nothing to
	// tell, and with an *UnservedError where it is not in our power.
	Run(ctx context.Context, e plan.Effect) error
}

// Ledger is what remembers whose things are.
type Ledger interface {
	Begin(p plan.Plan) error
	Commit(p plan.Plan) error
	Abort() error
	MadeDirs() []string
}

// ErrNotRunning is the error of an effect for a program that does not run: it will read its files when it starts.
var ErrNotRunning = errors.New("is not running")

// UnservedError is the error of an effect that somebody else has to see to.
type UnservedError struct {
	Reason string // why we cannot
	Advice string // what to do by hand
}

func (e *UnservedError) Error() string { return e.Reason }

// StaleError says that the node is no longer as the plan saw it.
type StaleError struct{ Name string }

func (e *StaleError) Error() string {
	return fmt.Sprintf("%q is not as it was when the plan was made", e.Name)
}

// FailedError says that an apply did not succeed and that the node is as it was.
type FailedError struct{ Cause error }

func (e *FailedError) Error() string { return e.Cause.Error() }

func (e *FailedError) Unwrap() error { return e.Cause }

// UndoError says that an apply did not succeed, and that putting things back did not either.
type UndoError struct{ Cause, Undo error }

func (e *UndoError) Error() string {
	return fmt.Sprintf("%v; putting things back failed too: %v", e.Cause, e.Undo)
}

func (e *UndoError) Unwrap() []error { return []error{e.Cause, e.Undo} }

// Result says what an apply left open.
type Result struct {
	Skipped  []plan.Effect   // for programs that do not run
	Unserved []UnservedEvent // effects that somebody else has to see to
}

// UnservedEvent is an effect that is still due.
type UnservedEvent struct {
	Effect plan.Effect
	Cause  *UnservedError
}

// Run carries p out. tell hears of everything as it happens; it must not be nil.
func Run(ctx context.Context, p plan.Plan, n Node, l Ledger, tell func(Event)) (Result, error) {
	var result Result
	if err := fresh(p, n); err != nil {
		return result, err
	}
	if err := l.Begin(p); err != nil {
		return result, &FailedError{errors.Join(err, l.Abort())}
	}
	run := run{plan: p, node: n, tell: tell}
	err := run.files(ctx)
	if err == nil {
		err = run.effects(ctx, &result)
	}
	if err == nil {
		err = run.settle()
	}
	if err == nil {
		sweep(n, l.MadeDirs())
		err = l.Commit(p)
	}
	if err == nil {
		return result, nil
	}
	undone := run.undo(context.WithoutCancel(ctx), err)
	sweep(n, l.MadeDirs())
	if undone != nil {
		return result, &UndoError{Cause: err, Undo: undone}
	}
	if aborted := l.Abort(); aborted != nil {
		return result, &UndoError{Cause: err, Undo: aborted}
	}
	return result, &FailedError{err}
}

// fresh makes sure that every file is as the plan saw it.
func fresh(p plan.Plan, n Node) error {
	for _, c := range p.Changes {
		live, err := n.Read(c.Name)
		if err != nil {
			return err
		}
		if live.Obstacle != "" && c.Action == plan.Forget {
			continue
		}
		if !render.Same(live.Data, c.Before) {
			return &StaleError{Name: c.Name}
		}
	}
	return nil
}

// sweep removes the directories that were made for files of ours and hold nothing any more, innermost first. An empty
// directory of a registry would hide _default from containerd.
func sweep(n Node, dirs []string) {
	for i := len(dirs) - 1; i >= 0; i-- {
		n.RemoveDir(dirs[i])
	}
}
