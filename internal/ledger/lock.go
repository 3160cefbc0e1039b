package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Lock keeps every other process from changing the node until it is released.
type Lock struct {
	file *flock.Flock
	made []string // directories that were made for it, outermost first
}

// LockedError says who changes the node already.
type LockedError struct{ Holder string }

func (e *LockedError) Error() string {
	return "another regsync is at work on this node (" + e.Holder + ")"
}

// Acquire takes the lock of a state directory, which is made where it is missing. It waits as long as ctx allows;
// then the error is a *LockedError. If ctx is cancelled, it is the cause.
func Acquire(ctx context.Context, dir string) (_ *Lock, err error) {
	l := &Lock{}
	defer func() {
		if err != nil {
			for _, d := range slices.Backward(l.made) {
				_ = os.Remove(d)
			}
		}
	}()
	name := filepath.Join(dir, "lock")
	for {
		made, err := makeDirs(dir)
		l.made = append(l.made, made...)
		if err != nil {
			return nil, fmt.Errorf("making the state directory: %w", err)
		}
		if err := ordinary(name); strange(err) {
			return nil, fmt.Errorf("locking %q: it %w: move it out of the way", name, err)
		}
		l.file = flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
		ok, err := l.file.TryLock()
		if err == nil && !ok {
			ok, err = l.file.TryLockContext(ctx, 100*time.Millisecond)
		}
		switch {
		case errors.Is(err, context.Canceled):
			return nil, context.Cause(ctx)
		case errors.Is(err, context.DeadlineExceeded):
			return nil, &LockedError{Holder: holder(name)}
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody who gave the node back has just removed the directory
		}
		if err != nil || !ok {
			return nil, fmt.Errorf("locking %q: %w", name, err)
		}
		// Whoever held it before may have given the node back and removed the directory together with the lock.
		held, err := l.file.Stat()
		there, statErr := os.Stat(name)
		if err != nil || statErr != nil || !os.SameFile(held, there) {
			_ = l.file.Close()
			continue
		}
		who := fmt.Sprintf("pid %d: %s\n", os.Getpid(), strings.Join(os.Args, " "))
		_ = os.WriteFile(name, []byte(who), 0o600) // for others to read; on a full disk they go without
		return l, nil
	}
}

// madeBit marks a directory that we have made, from its first moment on: a run that is killed before it has written that down leaves
// the mark. The sticky bit means nothing where only root may enter.
const madeBit = fs.ModeSticky

// bears reports whether a directory bears our mark.
func bears(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && info.Mode()&madeBit != 0
}

// makeDirs makes a directory and those above it, and gives the ones that were not there, outermost first.
func makeDirs(dir string) ([]string, error) {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		missing = append(missing, d)
	}
	slices.Reverse(missing)
	for i, d := range missing {
		mode := fs.FileMode(0o755)
		if i == len(missing)-1 {
			mode = 0o700 | madeBit
		}
		if err := os.Mkdir(d, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return missing[:i], err
		}
	}
	return missing, nil
}

// Holder says who changes the node just now; empty: nobody does. Nothing is made.
func Holder(dir string) string {
	name := filepath.Join(dir, "lock")
	if ordinary(name) != nil {
		return ""
	}
	l := flock.New(name, flock.SetFlag(os.O_RDONLY))
	defer l.Close()
	if free, err := l.TryRLock(); free || err != nil {
		return ""
	}
	return holder(name)
}

func holder(name string) string {
	data, err := readFile(name)
	if err != nil || len(data) == 0 {
		return "holder unknown"
	}
	return strings.TrimSpace(string(data))
}

// Release lets others change the node.
func (l *Lock) Release() error { return l.file.Close() }
