package ledger

import (
	"slices"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// originals gives where the backups of what is ours are, for a generation to remember: with a ledger that is lost it would not be known
// which file a backup is of.
func (l *Ledger) originals() map[string]original {
	list := map[string]original{}
	for id, e := range l.owned {
		if id.Kind == render.KindFile && e.Before != nil {
			list[id.Name] = *e.Before
		}
	}
	return list
}

// Original gives what stood in a place before us, by the last sound generation that says so, for a ledger that is set aside. ok is false where none
// does, or where the backup is not what was put there.
func (l *Ledger) Original(id render.ID) (o plan.Original, ok bool) {
	numbers, err := l.numbers()
	if err != nil || id.Kind != render.KindFile {
		return o, false
	}
	for _, n := range slices.Backward(numbers) {
		g, err := l.generation(n)
		if err != nil {
			continue
		}
		kept, ok := g.originals[id.Name]
		if !ok {
			return o, false // nothing stood there
		}
		data, err := l.backup(kept.Digest)
		if err != nil {
			return o, false
		}
		return plan.Original{Data: data, Mode: kept.Mode, UID: kept.UID, GID: kept.GID, Link: kept.Link}, true
	}
	return o, false
}
