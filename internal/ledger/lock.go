package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Lock keeps every other process from changing the node until it is released.
type Lock struct{ file *flock.Flock }

// LockedError says who changes the node already.
type LockedError struct{ Holder string }

func (e *LockedError) Error() string {
	return "another regsync is at work on this node (" + e.Holder + ")"
}

// Acquire takes the lock of a state directory, which is made where it is missing. It waits as long as ctx allows;
// then the error is a *LockedError.
func Acquire(ctx context.Context, dir string) (*Lock, error) {
	name := filepath.Join(dir, "lock")
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the state directory: %w", err)
		}
		f := flock.New(name)
		ok, err := f.TryLock()
		if err == nil && !ok {
			ok, err = f.TryLockContext(ctx, 100*time.Millisecond)
		}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return nil, &LockedError{Holder: holder(name)}
		}
		if err != nil || !ok {
			return nil, fmt.Errorf("locking %q: %w", name, err)
		}
		// Whoever held it before may have given the node back and removed the directory together with the lock.
		held, err := f.Stat()
		there, statErr := os.Stat(name)
		if err != nil || statErr != nil || !os.SameFile(held, there) {
			_ = f.Close()
			continue
		}
		who := fmt.Sprintf("pid %d: %s\n", os.Getpid(), strings.Join(os.Args, " "))
		if err := os.WriteFile(name, []byte(who), 0o600); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("writing %q: %w", name, err)
		}
		return &Lock{f}, nil
	}
}

func holder(name string) string {
	data, err := os.ReadFile(name)
	if err != nil || len(data) == 0 {
		return "holder unknown"
	}
	return strings.TrimSpace(string(data))
}

// Release lets others change the node.
func (l *Lock) Release() error { return l.file.Close() }
