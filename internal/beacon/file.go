package beacon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// statusFile is the name of the status file in its directory.
const statusFile = "watch.json"

// unfinished are the names of what is about to become one.
const unfinished = "." + statusFile + "-*"

// file is the status file of a service that runs. It is locked as long as the service lives, so that what a dead one has left is known
// for that, whatever process has its number now.
type file struct {
	dir  string
	open *os.File // the one that is there; nil: none
}

func (f *file) name() string { return filepath.Join(f.dir, statusFile) }

// begin makes the directory, and fails where another service speaks in it.
func (f *file) begin() error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return fmt.Errorf("making the directory of the status file: %w", err)
	}
	if other, err := Read(f.dir); err == nil && other.Running {
		return fmt.Errorf("another regsync watch looks after this node (pid %d, since %s)", other.PID, other.StartedAt.Format("2006-01-02 15:04:05"))
	}
	left, err := filepath.Glob(filepath.Join(f.dir, unfinished)) // by one that was killed while it wrote
	for _, name := range left {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// write puts a status in the place of the one that is there, in one go.
func (f *file) write(s Status) (err error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the status: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %q: %w", f.name(), err)
		}
	}()
	next, err := os.CreateTemp(f.dir, unfinished)
	if err != nil {
		return err
	}
	_, err = next.Write(append(text, '\n'))
	if err == nil {
		err = next.Chmod(0o644)
	}
	if err == nil {
		err = lock(next)
	}
	if err == nil {
		err = os.Rename(next.Name(), f.name())
	}
	if err != nil {
		_ = next.Close()
		_ = os.Remove(next.Name())
		return err
	}
	if f.open != nil {
		_ = f.open.Close()
	}
	f.open = next
	return nil
}

// end takes the status file away.
func (f *file) end() error {
	if f.open == nil {
		return nil
	}
	err := os.Remove(f.name())
	_ = f.open.Close()
	f.open = nil
	return err
}

// whole is a lock of all of a file.
func whole(kind int16) *unix.Flock_t { return &unix.Flock_t{Type: kind, Whence: io.SeekStart} }

// lock locks a file for as long as it is open. The lock is the open file's (fcntl(2), F_OFD_SETLK), and unlike flock(2)'s can be seen by
// whoever may read the file, without getting in anybody's way.
func lock(f *os.File) error {
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, whole(unix.F_WRLCK)); err != nil {
		return fmt.Errorf("locking it: %w", err)
	}
	return nil
}

// locked reports whether somebody has locked a file.
func locked(f *os.File) (bool, error) {
	ask := whole(unix.F_RDLCK)
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, ask)
	return ask.Type != unix.F_UNLCK, err
}

// Read gives the status that stands in a directory. The error is fs.ErrNotExist where no service has left one.
func Read(dir string) (Status, error) {
	var s Status
	name := filepath.Join(dir, statusFile)
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return s, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 16<<20))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err == nil {
		s.Running, err = locked(f)
	}
	if err != nil {
		return s, fmt.Errorf("reading %q: %w", name, err)
	}
	return s, nil
}
