package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/regsync/regsync/plan"
)

// defaultHistory is how many generations are kept where nobody says.
const defaultHistory = 10

// record writes the generation of an apply that is about to be committed: g says who applied what.
func (l *Ledger) record(g plan.Generation, changes []plan.Change) error {
	g.Number, g.At = l.Generation, l.AppliedAt
	g.Changes = make([]plan.Past, 0, len(l.begun))
	for _, c := range l.begun {
		g.Changes = append(g.Changes, plan.Past{ID: c.ID, Action: c.Action, Reason: c.Reason, Sensitive: c.Sensitive})
	}
	g.Healed = !slices.ContainsFunc(l.begun, func(c plan.Change) bool { return !c.Drift })
	if len(changes) < len(l.begun) {
		g.Result = plan.Part // until the rest is done
	}
	l.recorded = &g
	return l.writeGeneration()
}

// unrecord takes back what record wrote.
func (l *Ledger) unrecord() error {
	if l.recorded == nil {
		return nil
	}
	if err := os.Remove(l.generationName(l.recorded.Number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a generation that never was: %w", err)
	}
	l.recorded = nil
	return nil
}

// keepContents keeps what whole files are about to become. It does so before anything is changed: an apply that fails at its end for want
// of room would have none to put things back either.
func (l *Ledger) keepContents(changes []plan.Change) error {
	blobs := filepath.Join(l.generationsDir(), "blobs")
	if err := os.MkdirAll(blobs, 0o700); err != nil {
		return fmt.Errorf("making the directory of generations: %w", err)
	}
	files := map[string][]byte{}
	for _, c := range changes {
		if e := l.owned[c.ID]; c.Entry == nil || !e.kept().Stored() {
			continue
		}
		name := l.Digest(c.After)
		if old, err := readFile(l.contentName(name)); err != nil || !bytes.Equal(old, c.After) {
			files[name] = c.After
		}
	}
	if err := replaceAll(blobs, files); err != nil {
		return fmt.Errorf("keeping what the files become: %w", err)
	}
	return nil
}

func (l *Ledger) writeGeneration() error {
	l.recorded.Kept = nil
	for _, e := range l.owned {
		l.recorded.Kept = append(l.recorded.Kept, e.kept())
	}
	slices.SortFunc(l.recorded.Kept, func(a, b plan.Kept) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
	})
	file := generationFile{formatVersion, Generation{Generation: *l.recorded, Services: l.Services}, l.originals()}
	if err := store(l.generationName(l.recorded.Number), encode(file)); err != nil {
		return fmt.Errorf("writing generation %d: %w", l.recorded.Number, err)
	}
	return nil
}

// Finish completes the generation that was committed, when everything else of the plan was tried too: how much of the plan was done, and
// which changes were not.
func (l *Ledger) Finish(result plan.Result, failed []plan.Change) error {
	if l.recorded == nil {
		return nil
	}
	changes := slices.DeleteFunc(slices.Clone(l.recorded.Changes), func(p plan.Past) bool {
		return slices.ContainsFunc(failed, func(c plan.Change) bool { return c.ID == p.ID })
	})
	if l.recorded.Result == result && len(failed) == 0 {
		return nil
	}
	l.recorded.Result, l.recorded.Changes = result, changes
	return l.writeGeneration()
}

// sweepGenerations removes the oldest generations until no more are left than are to be kept, and then the contents that nothing needs. Those
// that only put things back are counted for themselves: however often that is necessary, what was asked for before is there to go back to.
// What cannot be removed is tried again the next time.
func (l *Ledger) sweepGenerations(keep int) {
	numbers, err := l.numbers()
	if err != nil {
		return
	}
	var kept []int
	count := map[bool]int{}
	for _, n := range slices.Backward(numbers) {
		g, err := l.generation(n)
		if healed := err == nil && g.Healed; count[healed] < max(keep, 1) {
			count[healed]++
			kept = append(kept, n)
			continue
		}
		_ = os.Remove(l.generationName(n))
	}
	l.sweepContents(kept)
}

// sweepContents removes the contents that nothing names.
func (l *Ledger) sweepContents(numbers []int) {
	named := map[string]bool{}
	for _, e := range l.owned {
		named[e.Applied] = true // the next generation will name it too, whatever becomes of this one
	}
	for _, n := range numbers {
		g, err := l.generation(n)
		if err != nil {
			continue
		}
		for _, k := range g.Kept {
			named[k.Digest] = true
		}
	}
	files, err := os.ReadDir(filepath.Join(l.generationsDir(), "blobs"))
	if err != nil {
		return
	}
	for _, f := range files {
		if !named[f.Name()] {
			_ = os.Remove(l.contentName(f.Name()))
		}
	}
}
