package ledger

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
)

// replace writes a file of the state directory beside its place and moves it there: nothing of it is ever anywhere else.
func replace(name string, data []byte) error {
	return renameio.WriteFile(name, data, 0o600, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(name)))
}

// sweepCut removes what runs that were killed have left of files that they were writing: a name of ours between a dot and digits. What
// cannot be removed is tried again the next time.
func (l *Ledger) sweepCut() {
	for _, pattern := range []string{".ledger[0-9]*", ".key[0-9]*", ".key.new[0-9]*", ".failure[0-9]*", ".journal.json[0-9]*", "undo/.*", "backups/.*", "generations/.*", "generations/blobs/.*"} {
		cut, _ := filepath.Glob(filepath.Join(l.dir, pattern)) //nolint:errcheck // the pattern is sound
		for _, name := range slices.Compact(cut) {
			_ = os.Remove(name)
		}
	}
}
