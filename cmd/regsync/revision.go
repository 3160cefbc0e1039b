package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// replans is how often a plan is made again because MicroK8s' snap was refreshed while it was carried out.
const replans = 3

// revision keeps one apply on one revision of MicroK8s' snap. A refresh copies the revision's files and then moves a link: without this the
// files of an apply in its middle would be some in one and some in the other.
type revision struct {
	*node.Root
	dir   string            // of the revision that the apply began on; empty: there is no MicroK8s
	wrote map[string][]byte // what we have put into its files
}

func newRevision(root *node.Root) *revision {
	return &revision{Root: root, dir: root.Real(node.SnapData), wrote: map[string][]byte{}}
}

// movedError says that the snap was refreshed, or went back, in the middle.
type movedError struct{ from, to string }

func (e *movedError) Error() string {
	if e.to == "" {
		return fmt.Sprintf("MicroK8s' snap is being refreshed: %s was %s, and leads nowhere now", node.SnapData, e.from)
	}
	return fmt.Sprintf("MicroK8s' snap was refreshed meanwhile: %s was %s, and is %s now", node.SnapData, e.from, e.to)
}

// moved says that the link does not lead any more to where the apply began; nil where it does.
func (r *revision) moved() error {
	if r.dir == "" {
		return nil
	}
	if now := r.Real(node.SnapData); now != r.dir {
		return &movedError{r.dir, now}
	}
	return nil
}

// standing adds to a check that the snap is still the one that the apply began on.
func (r *revision) standing(check apply.Check) apply.Check {
	return func(ctx context.Context) error {
		if check != nil && r.moved() == nil {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return r.moved()
	}
}

// pinned gives a path by the revision on which the apply began.
func (r *revision) pinned(name string) string {
	if rest, ok := strings.CutPrefix(name, node.SnapData+"/"); ok && r.dir != "" {
		return r.dir + "/" + rest
	}
	return name
}

// Read gives a file of the revision.
func (r *revision) Read(name string) (plan.Live, error) { return r.Root.Read(r.pinned(name)) }

// Write writes a file of the revision, and the copy of what we have written before that a refresh has made meanwhile.
func (r *revision) Write(name string, data []byte, mode fs.FileMode, owner *plan.Original) error {
	before, again := r.wrote[name]
	if err := r.Root.Write(r.pinned(name), data, mode, owner); err != nil {
		return err
	}
	r.wrote[name] = data
	if !again || r.pinned(name) == name || r.moved() == nil {
		return nil
	}
	copied, err := r.Root.Read(name)
	if err != nil || !render.Same(copied.Data, before) {
		return err
	}
	return r.Root.Write(name, data, mode, owner)
}

// Replace makes a file of the revision where a stray stands.
func (r *revision) Replace(name string, s plan.Stray, data []byte, mode fs.FileMode, owner *plan.Original) error {
	r.wrote[name] = data
	return r.Root.Replace(r.pinned(name), s, data, mode, owner)
}

// Restore puts a stray of the revision back.
func (r *revision) Restore(name string, s plan.Stray) error { return r.Root.Restore(r.pinned(name), s) }

// RemoveDir removes a directory of the revision, and its copy.
func (r *revision) RemoveDir(name string) error {
	err := r.Root.RemoveDir(r.pinned(name))
	if r.pinned(name) != name && r.moved() != nil {
		err = errors.Join(err, r.Root.RemoveDir(name))
	}
	return err
}
