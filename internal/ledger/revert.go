package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/regsync/regsync/render"
)

// Revert records that the files of the journal are as they were, but for those that are left: these stay ours as the apply that was cut
// off would have left them. Images are as they are.
func (l *Ledger) Revert(left []string) error {
	was := document{}
	if l.Journal.Ledger != nil {
		was = *l.Journal.Ledger
	}
	now := *l
	l.adopt(was)
	for id, e := range now.owned {
		if id.Kind != render.KindFile {
			l.owned[id] = e
			l.Services = l.Services.Or(now.Services) // it is in the store of these
		}
	}
	for _, name := range left {
		id := render.ID{Kind: render.KindFile, Name: name}
		if e, ok := now.owned[id]; ok {
			if e.Coming != "" {
				e.Applied, e.Coming = e.Coming, ""
			}
			l.owned[id] = e
		}
	}
	if len(left) > 0 {
		for d := range now.madeDir {
			l.madeDir[d] = true
		}
	}
	if err := os.Remove(l.generationName(l.Journal.Generation)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a generation that is undone: %w", err)
	}
	l.kept = l.Journal.Ledger != nil || len(l.owned) > 0
	if err := l.settleAside(); err != nil {
		return err
	}
	return l.letGo()
}

// letGo removes the journal. Where nothing is ours, [Ledger.Remove] does so at its end.
func (l *Ledger) letGo() error {
	if l.Unused() {
		l.Journal = nil
		return nil
	}
	return l.dropJournal()
}

// settleAside writes the ledger as it is now, or lets there be none. A damaged one is moved out of the way.
func (l *Ledger) settleAside() error {
	if l.SetAside != "" {
		if err := os.Rename(l.file(), l.SetAside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("setting the damaged ledger aside: %w", err)
		}
		l.SetAside = ""
	}
	if l.kept {
		return l.save()
	}
	if err := os.Remove(l.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the ledger: %w", err)
	}
	return nil
}

// Tidy removes the journal of an apply that is over, and sets one aside that is damaged. It gives the path of the latter.
func (l *Ledger) Tidy() (aside string, err error) {
	if l.JournalDamage != "" {
		aside = l.JournalName() + asideSuffix
		if err := os.Rename(l.JournalName(), aside); err != nil {
			return "", fmt.Errorf("setting the damaged journal aside: %w", err)
		}
		return aside, syncDir(l.dir)
	}
	if l.over {
		l.over = false
		return "", l.dropJournal()
	}
	return "", nil
}

// dropJournal says that what was begun is over.
func (l *Ledger) dropJournal() error {
	l.Journal = nil
	err := os.Remove(l.JournalName())
	if err == nil {
		err = syncDir(l.dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the journal: %w", err)
	}
	_ = os.RemoveAll(l.undoDir()) // nothing names what is in it any more; the next apply tries again
	return nil
}
