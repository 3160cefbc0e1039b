package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

func (l *Ledger) backupFile(digest string) string { return filepath.Join(l.dir, "backups", digest) }

// back keeps data under its digest.
func (l *Ledger) back(digest string, data []byte) error {
	if old, err := readFile(l.backupFile(digest)); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return store(l.backupFile(digest), data)
}

// backup reads what was kept under a digest, and makes sure that it is what was put there.
func (l *Ledger) backup(digest string) ([]byte, error) {
	data, err := readFile(l.backupFile(digest))
	if err != nil {
		return nil, err
	}
	if l.Digest(data) != digest {
		return nil, errors.New("it was changed since it was made")
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// sweep removes backups that no entry names. One that cannot be removed is tried again the next time; it is no reason to undo an
// apply.
func (l *Ledger) sweep() {
	l.sweepCut()
	if l.wasDamaged() {
		return
	}
	named := map[string]bool{}
	for id := range l.owned {
		if b := l.owned[id].Before; b != nil {
			named[b.Digest] = true
		}
	}
	files, err := os.ReadDir(filepath.Join(l.dir, "backups"))
	if err != nil {
		return
	}
	for _, f := range files {
		if !named[f.Name()] {
			_ = os.Remove(l.backupFile(f.Name()))
		}
	}
}
