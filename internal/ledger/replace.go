package ledger

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"
)

// replace writes a file of the state directory beside its place and moves it there: nothing of it is ever anywhere else.
func replace(name string, data []byte) error {
	return renameio.WriteFile(name, data, 0o600, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(name)))
}

// Many small files are written some at a time: the file system then flushes several with one write of its journal. A few are written
// one after the other, in the order of their names.
const (
	many    = 32
	abreast = 8
)

// replaceAll writes files of one directory of the state directory, and makes sure that they are there after a power cut.
func replaceAll(dir string, files map[string][]byte) error {
	var writers errgroup.Group
	writers.SetLimit(1)
	if len(files) >= many {
		writers.SetLimit(abreast)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		writers.Go(func() error { return replace(filepath.Join(dir, name), files[name]) })
	}
	if err := writers.Wait(); err != nil {
		return err
	}
	return syncDir(dir)
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
