package ledger

import (
	"bytes"
	"errors"
	"io/fs"
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

// found gives what was kept under a digest, also where only a generation or a journal has it still. The next apply keeps it again.
func (l *Ledger) found(digest string) ([]byte, error) {
	data, err := l.backup(digest)
	if err == nil || errors.Is(err, fs.ErrPermission) {
		return data, err
	}
	data, elsewhere := l.forUndo(digest)
	if elsewhere != nil {
		return nil, err
	}
	if l.rescued == nil {
		l.rescued = map[string][]byte{}
	}
	l.rescued[digest] = data
	return data, nil
}

// why says in a few words why a backup cannot be had.
func why(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "its backup is gone"
	}
	if bare := (*fs.PathError)(nil); errors.As(err, &bare) {
		err = bare.Err // its name is a digest, which says nothing
	}
	return "its backup: " + err.Error()
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
