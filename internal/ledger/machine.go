package ledger

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// A key is the node's own: with one that came along with an image, each of many nodes could make the saved plans and the digests of the
// others. The ledger says of which machine it is, and which key it was written with; so a key that is being replaced is known as the
// old one or the new one after a crash too.

// machineMark is what is remembered of a machine-id, which is not for everybody to know (machine-id(5)).
func machineMark(id string) string {
	if id == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte("regsync"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// keyMark tells keys apart.
func keyMark(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("regsync key"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func (l *Ledger) keyName() string { return filepath.Join(l.dir, "key") }

// nextKey is where a new key waits until the ledger is written with it.
func (l *Ledger) nextKey() string { return l.keyName() + ".new" }

// pickKey takes the new key where the ledger is written with it already.
func (l *Ledger) pickKey(mark string) error {
	if mark == keyMark(l.key) {
		return nil
	}
	next, err := readFile(l.nextKey())
	if err != nil || keyMark(next) != mark {
		return errors.New("it is not written with the key that is here")
	}
	l.key = next
	return nil
}

// Settled says on which machine the ledger is now: id is its machine-id, empty where it has none. A ledger of another one gets a new key, and
// everything that is kept under digests is renamed; what is ours stays so. read gives a file of the node; nil where there is none. It reports
// whether the ledger came from elsewhere. Nothing may be begun.
func (l *Ledger) Settled(id string, read func(name string) []byte) (moved bool, err error) {
	if _, err := os.Lstat(l.nextKey()); err == nil && l.kept {
		if err := l.turnKey(); err != nil {
			return false, err
		}
	}
	mark := machineMark(id)
	if mark == "" || mark == l.machine {
		return false, nil
	}
	l.machine = mark
	if !l.kept || l.SetAside != "" {
		return false, nil // it is written anew anyhow
	}
	if err := l.rekey(read); err != nil {
		return false, fmt.Errorf("giving the ledger a key of this machine's own: %w", err)
	}
	return true, nil
}

// rekey writes everything with a new key. The ledger is the point of no return.
func (l *Ledger) rekey(read func(name string) []byte) error {
	next := make([]byte, 32)
	if _, err := rand.Read(next); err != nil {
		return err
	}
	if err := store(l.nextKey(), next); err != nil {
		return err
	}
	then := &Ledger{dir: l.dir, key: next}
	renamed := map[string]string{}
	for _, dir := range []string{filepath.Join(l.dir, "backups"), filepath.Join(l.generationsDir(), "blobs")} {
		if err := l.copyAll(dir, then, renamed); err != nil {
			return err
		}
	}
	for id, e := range l.owned {
		if id.Kind == render.KindFile {
			if data := read(id.Name); data != nil {
				renamed[l.Digest(data)] = then.Digest(data)
			}
		}
		if e.Applied == l.Digest(nil) { // images have no content
			renamed[e.Applied] = then.Digest(nil)
		}
	}
	for id, e := range l.owned {
		if _, known := renamed[e.Applied]; !known && id.Kind != render.KindFile {
			e.Applied = "" // what is in a cluster is not here to be looked at
		}
		e.Applied, e.Coming = orSame(renamed, e.Applied), orSame(renamed, e.Coming)
		if e.Before != nil {
			before := *e.Before
			before.Digest = orSame(renamed, before.Digest)
			e.Before = &before
		}
		l.owned[id] = e
	}
	for _, n := range l.generationNumbers() {
		if err := l.renameIn(n, renamed); err != nil {
			return err
		}
	}
	l.key = next
	if err := l.save(); err != nil {
		return err
	}
	l.sweep()
	l.sweepContents(l.generationNumbers())
	return l.turnKey()
}

// turnKey puts the new key in the old one's place, where the ledger is written with it, and else drops it.
func (l *Ledger) turnKey() error {
	next, err := readFile(l.nextKey())
	if err != nil {
		return err
	}
	if keyMark(next) != keyMark(l.key) {
		return os.Remove(l.nextKey())
	}
	if err := os.Rename(l.nextKey(), l.keyName()); err != nil {
		return err
	}
	return syncDir(l.dir)
}

// copyAll gives every content of a directory its name under the new key too. What has the old name is swept by and by.
func (l *Ledger) copyAll(dir string, then *Ledger, renamed map[string]string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := readFile(filepath.Join(dir, f.Name()))
		if err != nil || l.Digest(data) != f.Name() {
			continue // it is damaged, and stays under its name
		}
		renamed[f.Name()] = then.Digest(data)
		if err := replace(filepath.Join(dir, then.Digest(data)), data); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// renameIn gives what a generation names its new name.
func (l *Ledger) renameIn(n int, renamed map[string]string) error {
	g, err := l.generation(n)
	if err != nil {
		return nil //nolint:nilerr // it is damaged already
	}
	kept := make([]plan.Kept, len(g.Kept))
	for i, k := range g.Kept {
		k.Digest = orSame(renamed, k.Digest)
		kept[i] = k
	}
	g.Kept = kept
	for name, o := range g.originals {
		o.Digest = orSame(renamed, o.Digest)
		g.originals[name] = o
	}
	return store(l.generationName(n), encode(generationFile{formatVersion, g, g.originals}))
}

func (l *Ledger) generationNumbers() []int {
	numbers, err := l.numbers()
	if err != nil {
		return nil
	}
	return numbers
}

func orSame(renamed map[string]string, digest string) string {
	if now, ok := renamed[digest]; ok {
		return now
	}
	return digest
}
