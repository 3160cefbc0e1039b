package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Failure is why the last apply failed.
type Failure struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"` // without secrets
}

func (l *Ledger) failureName() string { return filepath.Join(l.dir, "failure") }

// Fail remembers why an apply failed. Where nothing is ours, nothing is remembered: then nothing of ours stays.
func (l *Ledger) Fail(f Failure) error {
	if l.Unused() {
		return nil
	}
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := store(l.failureName(), data); err != nil {
		return fmt.Errorf("remembering the failure: %w", err)
	}
	return nil
}

// Succeed forgets what Fail remembers.
func (l *Ledger) Succeed() error {
	if err := os.Remove(l.failureName()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting the last failure: %w", err)
	}
	return nil
}

// Failure gives why the last apply failed; nil where it did not, or where nothing is known of it.
func (l *Ledger) Failure() *Failure {
	data, err := readFile(l.failureName())
	if err != nil {
		return nil
	}
	f := &Failure{}
	if json.Unmarshal(data, f) != nil {
		return nil
	}
	return f
}
