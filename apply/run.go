package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// run is one apply under way.
type run struct {
	changes []plan.Change // of files
	due     []plan.Effect
	node    Node
	tell    func(Event)

	done []done        // files that were written, in order
	ran  []plan.Effect // effects that were begun
}

// done is a file that was written, and how it was.
type done struct {
	change plan.Change
	before plan.Live
	ours   func(live []byte) bool // whether this is what we wrote, or what was there; nil: nobody else can have been there
}

// stands reports whether a file is as it was, with this in it.
func (d done) stands(live plan.Live, data []byte) bool {
	if d.change.Stray != nil {
		return d.change.Sees(live)
	}
	return live.Obstacle == "" && render.Same(live.Data, data) && (data == nil || live.Mode == d.before.Mode)
}

// restore makes a file be as it was, with this in it, or puts the stray back that stood in its place.
func (r *run) restore(d done, data []byte) error {
	if s := d.change.Stray; s != nil {
		return r.node.Restore(d.change.Name, *s)
	}
	owner := plan.Original{UID: d.before.UID, GID: d.before.GID}
	return r.node.Write(d.change.Name, data, d.before.Mode, &owner)
}

// files writes every file. Where something else must stand in one while the effects run, that is written.
func (r *run) files(ctx context.Context) error {
	for _, c := range r.changes {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if c.Action == plan.Forget || render.Same(c.Before, c.After) && c.Mode == 0 {
			continue
		}
		live, err := r.node.Read(c.Name)
		if err != nil {
			return &FileError{c.Name, err}
		}
		if !c.Sees(live) {
			return &StaleError{Name: c.Name}
		}
		data := c.After
		if c.Interim != nil {
			data = c.Interim
		}
		r.done = append(r.done, done{change: c, before: live})
		if err := r.write(c, data); err != nil {
			return err
		}
		r.tell(Event{Stage: Wrote, Change: &c})
	}
	return nil
}

func (r *run) write(c plan.Change, data []byte) error {
	var err error
	if c.Stray != nil {
		err = r.node.Replace(c.Name, *c.Stray, data, c.Mode, c.Owner)
	} else {
		err = r.node.Write(c.Name, data, c.Mode, c.Owner)
	}
	if err != nil {
		return &FileError{c.Name, err}
	}
	return nil
}

// effects runs the effects in their order.
func (r *run) effects(ctx context.Context, result *Result) error {
	for _, e := range r.due {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		r.tell(Event{Stage: Running, Effect: &e})
		r.ran = append(r.ran, e)
		err := r.node.Run(ctx, e)
		var unserved *UnservedError
		switch {
		case err == nil:
			r.tell(Event{Stage: Ran, Effect: &e})
		case errors.Is(err, ErrNotRunning):
			result.Skipped = append(result.Skipped, e)
			r.tell(Event{Stage: Skipped, Effect: &e})
		case errors.As(err, &unserved):
			result.Unserved = append(result.Unserved, UnservedEvent{e, unserved})
			r.tell(Event{Stage: Unserved, Effect: &e, Err: unserved})
		default:
			return &EffectError{e.Name, err}
		}
	}
	return nil
}

// settle puts the final content into files that held something else while the effects ran.
func (r *run) settle() error {
	for _, c := range r.changes {
		if c.Interim == nil || render.Same(c.Interim, c.After) {
			continue
		}
		if err := r.write(c, c.After); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes the directories that were made for files which are gone. An empty directory of a registry would hide _default
// from containerd, and once the apply is recorded nobody would know whose it is.
func (r *run) sweep() error {
	var dirs []string
	for _, c := range r.changes {
		dirs = append(dirs, c.DropDirs...)
	}
	return r.drop(dirs)
}

// drop removes directories that hold nothing any more, the longest names first: the innermost ones.
func (r *run) drop(dirs []string) error {
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var errs []error
	for _, d := range slices.Compact(dirs) {
		errs = append(errs, r.node.RemoveDir(d))
	}
	return errors.Join(errs...)
}

// undo puts every file back, last first, and runs again the effects that were begun.
func (r *run) undo(ctx context.Context, cause error) error {
	if len(r.done) > 0 {
		r.tell(Event{Stage: Undoing, Err: cause})
	}
	_, err := r.back(ctx)
	return err
}

// back puts every file back, last first, runs the effects again, and gives the files that somebody has changed since: these stay as
// they are.
func (r *run) back(ctx context.Context) (left []string, err error) {
	var errs []error
	var settle []done
	back := func(d done, data []byte) {
		live, err := r.node.Read(d.change.Name)
		// What could not be written could not be put back either, and needs not be.
		if err == nil && d.stands(live, data) {
			return
		}
		if err == nil && d.ours != nil && (live.Obstacle != "" || live.Link() != d.change.Via || !d.ours(live.Data)) {
			left = append(left, d.change.Name)
			return
		}
		errs = append(errs, r.restore(d, data))
	}
	for _, d := range slices.Backward(r.done) {
		if d.change.Retreat != nil && len(r.ran) > 0 {
			back(d, d.change.Retreat)
			settle = append(settle, d)
			continue
		}
		back(d, d.before.Data)
	}
	var made []string
	for _, d := range r.done {
		made = append(made, d.change.MakeDirs...)
	}
	errs = append(errs, r.drop(made)) // before containerd starts: an empty one would hide _default
	for _, e := range r.ran {
		if e.Pending {
			continue // no file of ours made it due
		}
		again := plan.Effect{Name: e.Name, Reason: e.Reason, Repairs: e.Repairs, Undo: true}
		r.tell(Event{Stage: Running, Effect: &again})
		err := r.node.Run(ctx, again)
		var unserved *UnservedError
		switch {
		case err == nil:
			r.tell(Event{Stage: Ran, Effect: &again})
		case errors.Is(err, ErrNotRunning):
			r.tell(Event{Stage: Skipped, Effect: &again})
		case errors.As(err, &unserved):
			r.tell(Event{Stage: Unserved, Effect: &again, Err: unserved})
		default:
			errs = append(errs, fmt.Errorf("%s: %w", e.Name, err))
		}
	}
	for _, d := range settle {
		back(d, d.before.Data)
	}
	if len(settle) > 0 {
		errs = append(errs, r.drop(made))
	}
	slices.Sort(left)
	return slices.Compact(left), errors.Join(errs...)
}
