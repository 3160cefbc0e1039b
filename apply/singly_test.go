package apply

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// outcomes is what becomes of changes that stand for themselves, by name.
type outcomes map[string]error

func (o outcomes) Apply(_ context.Context, changes []plan.Change, _ func(Event)) map[render.ID]error {
	failed := map[render.ID]error{}
	for _, c := range changes {
		if err := o[c.Name]; err != nil {
			failed[c.ID] = err
		}
	}
	return failed
}

// settling is a ledger that takes note of what it is told at the end.
type settling struct {
	*memory
	done, undone []string
}

func (s *settling) Settle(done, undone []plan.Change) error {
	for _, c := range done {
		s.done = append(s.done, c.Name)
	}
	for _, c := range undone {
		s.undone = append(s.undone, c.Name)
	}
	return nil
}

// One change fails, one turns out to be another node's, and of one nobody knows: the others are done, what was not done is as it was, and the
// ledger is told nothing of the one that is not known.
func TestSingly(t *testing.T) {
	var p plan.Plan
	for _, name := range []string{"a/one", "a/two", "a/three", "a/four", "a/five"} {
		p.Changes = append(p.Changes, plan.Change{ID: render.ID{Kind: render.KindSecret, Name: name}, Action: plan.Create})
	}
	l := &settling{memory: newMemory(nil)}
	singly := outcomes{"a/two": errInjected, "a/three": &ElsewhereError{Reason: "another node writes"}, "a/five": &UncertainError{errInjected}}
	result, err := Run(t.Context(), p, l, singly, l, nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.done, []string{"a/one", "a/four"}) || !slices.Equal(l.undone, []string{"a/two", "a/three"}) {
		t.Errorf("done are %q, undone %q", l.done, l.undone)
	}
	if len(result.Failed) != 2 || result.Failed[0].Change.Name != "a/two" || result.Failed[1].Change.Name != "a/five" || !errors.Is(result.Failed[1].Err, errInjected) {
		t.Errorf("failed are %v", result.Failed)
	}
	if len(result.Elsewhere) != 1 || result.Elsewhere[0].Change.Name != "a/three" {
		t.Errorf("elsewhere are %v", result.Elsewhere)
	}
}
