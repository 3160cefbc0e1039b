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
	// Replace makes such a file where a stray stands, and Restore puts the stray back in its place. What a link leads to is not touched.
	Replace(name string, s plan.Stray, data []byte, mode fs.FileMode, owner *plan.Original) error
	Restore(name string, s plan.Stray) error
	// RemoveDir removes a directory, unless something is in it.
	RemoveDir(name string) error
	// Run carries an effect out and makes sure that it took. It fails with ErrNotRunning where there is nothing to
	// tell, and with an *UnservedError where it is not in our power.
	Run(ctx context.Context, e plan.Effect) error
}

// Ledger is what remembers whose things are.
type Ledger interface {
	// Begin records everything that p is about to do, so that it can be taken back whatever happens to us. before are the files of p as
	// they are, in its order.
	Begin(p plan.Plan, before []plan.Live) error
	// Commit records that the files of p are changed, and its effects have run.
	Commit(p plan.Plan) error
	// Settle records which of the other changes were done, and which were not.
	Settle(done, failed []plan.Change) error
	// Abort takes Begin back: the files are as they were.
	Abort() error
}

// Singly carries out changes that stand for themselves: those of the runtime's image store, and of objects of the cluster.
type Singly interface {
	// Apply carries changes out in their order, and gives the errors of those that failed. No failure keeps the others from being tried.
	Apply(ctx context.Context, changes []plan.Change, tell func(Event)) map[render.ID]error
}

// ElsewhereError is the error of a change that turns out to be another node's to make. Nothing has failed by it.
type ElsewhereError struct{ Reason string }

func (e *ElsewhereError) Error() string { return e.Reason }

// UnfinishedError is the error of a change that was made and has not taken effect yet. What it has made is ours.
type UnfinishedError struct{ Err error }

func (e *UnfinishedError) Error() string { return e.Err.Error() }

func (e *UnfinishedError) Unwrap() error { return e.Err }

// UncertainError is the error of a change of which nobody knows whether it was made. It stays recorded as begun.
type UncertainError struct{ Err error }

func (e *UncertainError) Error() string { return e.Err.Error() }

func (e *UncertainError) Unwrap() error { return e.Err }

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

// FileError is the error of one file.
type FileError struct {
	Name string
	Err  error
}

func (e *FileError) Error() string { return e.Err.Error() }

func (e *FileError) Unwrap() error { return e.Err }

// EffectError is the error of one effect.
type EffectError struct {
	Name render.Effect
	Err  error
}

func (e *EffectError) Error() string { return fmt.Sprintf("%s: %v", e.Name, e.Err) }

func (e *EffectError) Unwrap() error { return e.Err }

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
	Failed   []Failure       // changes that stand for themselves and did not succeed
	// Elsewhere are changes that stand for themselves and turned out to be another node's.
	Elsewhere []Failure

	Unrecorded error // why it could not be recorded which of those were done; everything else is
}

// Failure is a change that did not succeed. The rest of the plan is carried out all the same.
type Failure struct {
	Change plan.Change
	Err    error
}

// UnservedEvent is an effect that is still due.
type UnservedEvent struct {
	Effect plan.Effect
	Cause  *UnservedError
}

// Check judges the node when its files are changed and the effects have run. Where it fails, everything is put back.
type Check func(ctx context.Context) error

// Run carries p out: its files, all or none, with their effects; then everything else, each change for itself. tell hears of everything as
// it happens; it must not be nil. singly may be nil where the plan changes files only, and check where nothing is to be judged.
func Run(ctx context.Context, p plan.Plan, n Node, singly Singly, l Ledger, check Check, tell func(Event)) (Result, error) {
	var result Result
	files, rest := p.Split()
	before, err := fresh(files, n)
	if err != nil {
		return result, err
	}
	if err := context.Cause(ctx); err != nil {
		return result, &FailedError{err}
	}
	if err := l.Begin(p, before); err != nil {
		return result, &FailedError{errors.Join(err, l.Abort())}
	}
	if err := runFiles(ctx, p, files, n, l, check, tell, &result); err != nil || len(rest) == 0 {
		return result, err
	}
	failed := singly.Apply(ctx, rest, tell)
	var done, undone []plan.Change
	for _, c := range rest {
		err := failed[c.ID]
		if err == nil {
			done = append(done, c)
			continue
		}
		if errors.As(err, new(*UnfinishedError)) {
			done = append(done, c)
			result.Failed = append(result.Failed, Failure{c, err})
			continue
		}
		if errors.As(err, new(*UncertainError)) {
			result.Failed = append(result.Failed, Failure{c, err})
			continue
		}
		undone = append(undone, c)
		if elsewhere := (*ElsewhereError)(nil); errors.As(err, &elsewhere) {
			result.Elsewhere = append(result.Elsewhere, Failure{c, err})
			continue
		}
		result.Failed = append(result.Failed, Failure{c, err})
	}
	result.Unrecorded = l.Settle(done, undone)
	return result, context.Cause(ctx)
}

// runFiles changes the files and runs the effects, or leaves everything as it was.
func runFiles(ctx context.Context, p plan.Plan, files []plan.Change, n Node, l Ledger, check Check, tell func(Event), result *Result) error {
	run := run{changes: files, due: p.Effects, node: n, tell: tell}
	err := run.files(ctx)
	if err == nil {
		err = run.effects(ctx, result)
	}
	if err == nil {
		err = run.settle()
	}
	if err == nil {
		err = run.sweep()
	}
	if err == nil && check != nil {
		err = check(ctx)
	}
	if err == nil {
		p.Changes = files
		err = l.Commit(p)
	}
	if err == nil {
		return nil
	}
	if undone := run.undo(context.WithoutCancel(ctx), err); undone != nil {
		return &UndoError{Cause: err, Undo: undone}
	}
	if aborted := l.Abort(); aborted != nil {
		return &UndoError{Cause: err, Undo: aborted}
	}
	return &FailedError{err}
}

// fresh makes sure that every file is as the plan saw it, and gives them as they are.
func fresh(files []plan.Change, n Node) ([]plan.Live, error) {
	before := make([]plan.Live, 0, len(files))
	for _, c := range files {
		live, err := n.Read(c.Name)
		if err != nil {
			return nil, &FileError{c.Name, err}
		}
		if !c.Sees(live) {
			return nil, &StaleError{Name: c.Name}
		}
		if c.Stray != nil {
			live = plan.Live{Stray: c.Stray} // what a link leads to is nothing to go back to
		}
		before = append(before, live)
	}
	return before, nil
}
