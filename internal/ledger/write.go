package ledger

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Digest gives the keyed digest of a file. Before the first [Ledger.Prepare] there is no key, and nothing to compare with.
func (l *Ledger) Digest(data []byte) string {
	mac := hmac.New(sha256.New, l.key)
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil))
}

// Prepare makes the state directory and the key, where they are not there.
func (l *Ledger) Prepare() error {
	made, err := makeDirs(filepath.Join(l.dir, "backups"))
	if err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	l.stateDirs = append(l.stateDirs, l.fromHere(made)...)
	if len(l.key) > 0 {
		return nil
	}
	if strange(ordinary(l.keyName())) {
		if err := os.Rename(l.keyName(), l.keyName()+asideSuffix); err != nil {
			return fmt.Errorf("setting aside what stands where the ledger's key is to be: %w", err)
		}
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	if err := store(l.keyName(), key); err != nil {
		return fmt.Errorf("writing the ledger's key: %w", err)
	}
	l.key = key
	return nil
}

// Begin records what an apply of p is about to do: backups of what it takes over, a journal with all that it takes to go back, and a
// ledger that owns everything that is or will be ours. before are the files of p as they are. All is on disk when Begin returns.
func (l *Ledger) Begin(p plan.Plan, before []plan.Live, what Intent) error {
	l.earlier, l.begun, l.recorded = l.clone(), p.Changes, nil
	if err := l.Prepare(); err != nil {
		return err
	}
	if l.SetAside != "" {
		if err := os.Rename(l.file(), l.SetAside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("setting the damaged ledger aside: %w", err)
		}
	}
	for digest, data := range l.rescued {
		if err := l.back(digest, data); err != nil {
			return fmt.Errorf("keeping a backup again that was lost: %w", err)
		}
	}
	for _, c := range p.Changes {
		for _, d := range c.MakeDirs {
			l.madeDir[d] = true
		}
		e := l.owned[c.ID] // it stays ours until it is gone
		if c.Entry != nil {
			was := e
			var err error
			if e, err = l.entry(c); err != nil {
				return err
			}
			e.Applied = was.Applied
			if e.Scope == render.Names {
				e.Former = string(render.JoinNames([]byte(was.Former), []byte(was.Body)))
			}
		}
		e.Coming = l.Digest(c.After)
		l.owned[c.ID] = e
	}
	if err := l.keepContents(p.Changes); err != nil {
		return err
	}
	if len(before) > 0 || len(p.Effects) > 0 {
		if err := l.writeAhead(p, before, what); err != nil {
			return err
		}
	}
	return l.save()
}

// Commit records that p was carried out. g says who applied what; the generation that it becomes is given its number here. With a
// negative History nothing is recorded but what is ours.
func (l *Ledger) Commit(p plan.Plan, g plan.Generation) error {
	for _, c := range p.Changes {
		if c.Entry == nil {
			delete(l.owned, c.ID)
			continue
		}
		e := l.owned[c.ID]
		e.Applied, e.Coming = l.Digest(c.After), ""
		l.owned[c.ID] = e
	}
	l.forgetDirs()
	numbers, err := l.numbers()
	if err != nil {
		return err
	}
	l.Generation = max(l.Generation, slices.Max(append(numbers, 0))) + 1 // a ledger that was damaged began to count anew
	l.AppliedAt, l.SpecDigest, l.RolledBack = g.At.UTC().Truncate(time.Second), g.SpecDigest, g.Rollback
	if g.History >= 0 {
		err = l.record(g, p.Changes)
	}
	if err == nil {
		err = l.save()
	}
	if err != nil {
		return errors.Join(err, l.unrecord())
	}
	l.kept = true
	if l.Journal != nil && l.Journal.Confirm != nil {
		return nil // the way back is kept whole
	}
	l.sweep()
	l.sweepGenerations(cmp.Or(g.History, defaultHistory))
	_ = l.dropJournal() // the ledger is past it; the next run tries again
	return nil
}

// Settle records which changes that stand for themselves were done. What was not is as it was; what is in neither list stays as begun.
func (l *Ledger) Settle(done, failed []plan.Change) error {
	for _, c := range done {
		if c.Entry == nil {
			delete(l.owned, c.ID)
			continue
		}
		e := l.owned[c.ID]
		e.Coming, e.Former = "", ""
		if c.After != nil { // not of an image
			e.Applied = l.Digest(c.After)
		}
		l.owned[c.ID] = e
	}
	for _, c := range failed {
		if e, was := l.earlier.owned[c.ID]; was {
			l.owned[c.ID] = e
		} else {
			delete(l.owned, c.ID)
		}
	}
	return l.save()
}

// forgetDirs drops the directories that hold nothing of ours any more.
func (l *Ledger) forgetDirs() {
	needed := map[string]bool{}
	for id := range l.owned {
		if id.Kind != render.KindFile {
			continue
		}
		for d := path.Dir(id.Name); d != "/" && !needed[d]; d = path.Dir(d) {
			needed[d] = true
		}
	}
	for d := range l.madeDir {
		if !needed[d] {
			delete(l.madeDir, d)
		}
	}
}

// Abort takes Begin back: the node is as it was, and so is the ledger.
func (l *Ledger) Abort() error {
	if l.earlier == nil {
		return nil
	}
	l.owned, l.madeDir = l.earlier.owned, l.earlier.madeDir
	l.Generation, l.AppliedAt, l.SpecDigest = l.earlier.Generation, l.earlier.AppliedAt, l.earlier.SpecDigest
	l.RolledBack, l.Services, l.kept = l.earlier.RolledBack, l.earlier.Services, l.earlier.kept
	if err := l.unrecord(); err != nil {
		return err
	}
	if l.kept {
		if err := errors.Join(l.save(), l.letGo()); err != nil {
			return err
		}
		l.sweep()
		if numbers, err := l.numbers(); err == nil {
			l.sweepContents(numbers)
		}
		return nil
	}
	if err := os.Remove(l.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the ledger: %w", err)
	}
	if l.SetAside != "" {
		if err := os.Rename(l.SetAside, l.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("putting the damaged ledger back: %w", err)
		}
	}
	l.sweep()
	return l.letGo()
}

// Remove takes away everything that regsync remembers, and the directories that were made for it. Call it when nothing on
// the node is ours.
func (l *Ledger) Remove() error {
	l.sweepCut()
	for _, name := range []string{"archives", "backups", "failure", "generations", "journal.json.damaged", "key", "key.new", "ledger", "lock", "undo", "journal.json"} {
		if err := os.RemoveAll(filepath.Join(l.dir, name)); err != nil {
			return fmt.Errorf("emptying the state directory: %w", err)
		}
	}
	made := make([]string, 0, len(l.stateDirs))
	for _, d := range l.stateDirs {
		made = append(made, filepath.Join(l.dir, d))
	}
	if bears(l.dir) {
		made = append(made, l.dir)
	}
	for _, d := range slices.Backward(slices.Compact(slices.Sorted(slices.Values(made)))) {
		_ = os.Remove(d) // what is not empty is not ours alone
	}
	return nil
}

// entry makes the line of a change that leaves a resource ours, and backs up what stood there.
func (l *Ledger) entry(c plan.Change) (entry, error) {
	o := c.Entry
	e := entry{
		Kind: c.Kind, Name: c.Name, Node: c.Node, Scope: o.Scope, Body: string(o.Body), Effect: o.Effect, Mode: o.Mode, Sensitive: o.Sensitive,
		Source: o.Source, Found: o.Found, Pinned: o.Pinned,
	}
	if o.Image != nil {
		image := *o.Image
		image.Content, image.DiffIDs = nil, nil // the archive says them
		e.Image = &image
	}
	if o.Before.Lost != "" {
		e.Before = l.owned[c.ID].Before // it may be found again
		return e, nil
	}
	if o.Before.Data == nil {
		return e, nil
	}
	digest := l.Digest(o.Before.Data)
	if err := l.back(digest, o.Before.Data); err != nil {
		return e, fmt.Errorf("backing up %q: %w", c.Name, err)
	}
	e.Before = &original{Digest: digest, Mode: o.Before.Mode, UID: o.Before.UID, GID: o.Before.GID, Link: o.Before.Link}
	return e, nil
}

func (l *Ledger) save() error {
	if err := store(l.file(), encode(l.document())); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	return nil
}

// document is the ledger as it is written.
func (l *Ledger) document() document {
	doc := document{
		FormatVersion: formatVersion, Machine: l.machine, Key: keyMark(l.key), Generation: l.Generation, AppliedAt: l.AppliedAt, SpecDigest: l.SpecDigest, RolledBack: l.RolledBack,
		Services: l.Services, MadeDirs: l.MadeDirs(), StateDirs: l.stateDirs, Entries: make([]entry, 0, len(l.owned)),
	}
	for _, e := range l.owned {
		doc.Entries = append(doc.Entries, e)
	}
	slices.SortFunc(doc.Entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
	})
	return doc
}

// store writes a file of the state directory so that after a power cut it is old or new, and is there.
func store(name string, data []byte) error {
	if err := replace(name, data); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes sure that the files of a directory are in it after a power cut.
func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// clone gives a copy that later changes of l do not touch.
func (l *Ledger) clone() *Ledger {
	c := *l
	c.owned, c.madeDir = maps.Clone(l.owned), maps.Clone(l.madeDir)
	return &c
}
