package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Intent is what is known of an apply that is about to begin, beside its plan.
type Intent struct {
	At       time.Time   `json:"at"`
	By       plan.Author `json:"by"`
	Services Services    `json:"services,omitzero"`  // that its effects are for
	Revision string      `json:"revision,omitempty"` // directory of the revision of MicroK8s' snap that the files are of; empty: none
}

// Journal is an apply that has begun and is not over. It is on disk before the first file is changed, and goes when the apply is
// recorded, undone, or confirmed. What the files held stands beside it, by digest, each 0600.
type Journal struct {
	FormatVersion string `json:"formatVersion"`
	Generation    int    `json:"generation"` // that the apply is to become
	Intent
	Effects []plan.Effect `json:"effects,omitempty"` // in their order
	Files   []JournalFile `json:"files"`             // in the order in which they are changed
	Confirm *Deadline     `json:"confirm,omitempty"` // nil: nobody is asked
	Ledger  *document     `json:"ledger"`            // as it was; nil: there was none

	StateDirs []string `json:"stateDirs,omitempty"` // that were made for the state directory
}

// JournalFile is a file that an apply changes. Contents are digests; empty where there is no file.
type JournalFile struct {
	Name     string      `json:"name"`
	Stray    *plan.Stray `json:"stray,omitempty"` // what stood in its place
	Via      string      `json:"via,omitempty"`   // what the symbolic link holds through which it is written
	Before   string      `json:"before,omitempty"`
	Mode     fs.FileMode `json:"mode,omitempty"`
	UID      int         `json:"uid,omitempty"`
	GID      int         `json:"gid,omitempty"`
	After    string      `json:"after,omitempty"`
	Interim  string      `json:"interim,omitempty"` // while the effects run
	Retreat  string      `json:"retreat,omitempty"` // while they run again
	Shared   bool        `json:"shared,omitempty"`  // it may be overwritten in place, so all of these are kept
	MakeDirs []string    `json:"makeDirs,omitempty"`
}

// JournalName is the path of the journal.
func (l *Ledger) JournalName() string { return filepath.Join(l.dir, "journal.json") }

func (l *Ledger) undoDir() string { return filepath.Join(l.dir, "undo") }

// writeAhead writes the journal of an apply that is about to begin. before are its files as they are, in the order of the plan.
func (l *Ledger) writeAhead(p plan.Plan, before []plan.Live, what Intent) error {
	numbers, err := l.numbers()
	if err != nil {
		return err
	}
	j := &Journal{
		FormatVersion: formatVersion, Generation: max(l.Generation, slices.Max(append(numbers, 0))) + 1, Intent: what, Effects: p.Effects,
		Files: make([]JournalFile, 0, len(before)), StateDirs: l.stateDirs,
	}
	if l.earlier.kept {
		j.Ledger = new(l.earlier.document())
	}
	if err := os.MkdirAll(l.undoDir(), 0o700); err != nil {
		return fmt.Errorf("making the directory of what the files hold: %w", err)
	}
	files := map[string][]byte{}
	for i, live := range before {
		c := p.Changes[i]
		shared := l.owned[c.ID].Scope != render.Whole
		keep := [][]byte{live.Data, c.Retreat}
		if shared {
			keep = append(keep, c.After, c.Interim)
		}
		for _, data := range keep {
			if name := l.name(data); data != nil && !l.keptForUndo(name) {
				files[name] = data
			}
		}
		j.Files = append(j.Files, JournalFile{
			Name: c.Name, Stray: c.Stray, Via: c.Via, Before: l.name(live.Data), Mode: live.Mode, UID: live.UID, GID: live.GID,
			After: l.name(c.After), Interim: l.name(c.Interim), Retreat: l.name(c.Retreat), Shared: shared, MakeDirs: c.MakeDirs,
		})
	}
	if err := replaceAll(l.undoDir(), files); err != nil {
		return fmt.Errorf("keeping what the files hold: %w", err)
	}
	l.Journal = j
	return l.writeJournal()
}

func (l *Ledger) writeJournal() error {
	if err := store(l.JournalName(), encode(l.Journal)); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// name is under what a content is kept; empty where there is no file.
func (l *Ledger) name(data []byte) string {
	if data == nil {
		return ""
	}
	return l.Digest(data)
}

// keptForUndo reports whether a content is kept already, as a backup or by a generation too.
func (l *Ledger) keptForUndo(name string) bool {
	_, err := l.forUndo(name)
	return err == nil
}

// forUndo gives what is kept under a name, and nil for none.
func (l *Ledger) forUndo(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	for _, dir := range []string{l.undoDir(), filepath.Join(l.dir, "backups"), filepath.Join(l.generationsDir(), "blobs")} {
		if data, err := readFile(filepath.Join(dir, filepath.Base(name))); err == nil && l.Digest(data) == name {
			return append([]byte{}, data...), nil
		}
	}
	return nil, errors.New("is not there any more")
}

// readJournal reads what an earlier run left. One that is damaged is not trusted, and one whose apply is recorded needs nothing
// any more: both count as none.
func (l *Ledger) readJournal() error {
	data, err := readFile(l.JournalName())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if strange(err) {
		l.JournalDamage = "it " + err.Error()
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	j := &Journal{}
	body, err := checked(data)
	if err == nil {
		err = json.Unmarshal(body, j)
	}
	switch {
	case err != nil:
		l.JournalDamage = "its checksum does not hold"
	case j.FormatVersion != formatVersion:
		l.JournalDamage = fmt.Sprintf("its format is %q; this build reads %q", j.FormatVersion, formatVersion)
	case len(l.key) == 0:
		l.JournalDamage = "the key that its contents are checked with is lost"
	case l.SetAside == "" && l.Generation >= j.Generation && j.Confirm == nil:
		l.over = true
	default:
		if l.Generation < j.Generation {
			j.Confirm = nil // it was cut off before anybody could be asked
		}
		l.Journal = j
		if !l.kept { // no ledger, or none that can be trusted
			l.stateDirs = append(l.stateDirs, j.StateDirs...)
		}
	}
	return nil
}

// Cut is an apply that was cut off, as [apply.Recover] takes it.
type Cut struct {
	Changes []plan.Change // what it takes to put the files back, and no more
	Before  []plan.Live
	Lost    []string // files of which it is not known any more what they held
	known   []map[string]bool
	parts   [][][]byte
	digest  func([]byte) string
}

// Cut gives what the journal knows of the files.
func (l *Ledger) Cut() Cut {
	cut := Cut{digest: l.name}
	for _, f := range l.Journal.Files {
		c := plan.Change{ID: render.ID{Kind: render.KindFile, Name: f.Name}, Stray: f.Stray, Via: f.Via, MakeDirs: f.MakeDirs}
		var err error
		if c.Before, err = l.forUndo(f.Before); err != nil {
			cut.Lost = append(cut.Lost, f.Name)
			continue
		}
		c.Retreat, _ = l.forUndo(f.Retreat) //nolint:errcheck // without it dockerd keeps a value until it starts again
		known := map[string]bool{f.Before: true, f.After: true}
		var parts [][]byte
		for _, name := range []string{f.Before, f.After, f.Interim, f.Retreat} {
			if name == "" {
				continue
			}
			known[name] = true
			if data, err := l.forUndo(name); f.Shared && err == nil {
				parts = append(parts, data)
			}
		}
		cut.Changes = append(cut.Changes, c)
		cut.Before = append(cut.Before, plan.Live{Data: c.Before, Mode: f.Mode, UID: f.UID, GID: f.GID, Stray: f.Stray})
		cut.known, cut.parts = append(cut.known, known), append(cut.parts, parts)
	}
	return cut
}

// Ours reports whether a file, by its place among the changes, holds what the apply put there or found there, or a part of one and a
// part of another: a file that is overwritten in place can be torn by a power cut.
func (c Cut) Ours(i int, live []byte) bool {
	return c.known[i][c.digest(live)] || live != nil && torn(live, c.parts[i])
}

// torn reports whether each byte is one that stands in that place in one of the parts, or was never written.
func torn(live []byte, parts [][]byte) bool {
	if len(parts) < 2 {
		return false
	}
	shortest, longest := len(parts[0]), len(parts[0])
	for _, p := range parts {
		shortest, longest = min(shortest, len(p)), max(longest, len(p))
	}
	if len(live) < shortest || len(live) > longest {
		return false
	}
	for i, b := range live {
		if b != 0 && !slices.ContainsFunc(parts, func(p []byte) bool { return i < len(p) && p[i] == b }) {
			return false
		}
	}
	return true
}
