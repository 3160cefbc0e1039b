package loader

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// scratchName begins the name of each directory of ours in which files wait for the loaders.
const scratchName = "regsync-judge-"

// inMemory are where a file does not reach a disk, on most systems: one that is killed before it has tidied up leaves a client's key no
// longer than until the next boot.
var inMemory = []string{"/run", "/dev/shm"}

// scratch makes a directory for files that are to be read, and no longer needed. done removes it, and all that is in it.
func scratch() (dir string, done func(), err error) {
	sweepOnce()
	for _, place := range places() {
		if dir, done, err = scratchIn(place); err == nil {
			return dir, done, nil
		}
	}
	return "", nil, err
}

// places are where a scratch directory may be, the best first.
func places() []string {
	var list []string
	for _, place := range inMemory {
		var system unix.Statfs_t
		if unix.Statfs(place, &system) == nil && (system.Type == unix.TMPFS_MAGIC || system.Type == unix.RAMFS_MAGIC) {
			list = append(list, place)
		}
	}
	return append(list, os.TempDir())
}

// scratchIn makes the directory in one place, and locks it: so others see that it is in use.
func scratchIn(place string) (dir string, done func(), err error) {
	for {
		if dir, err = os.MkdirTemp(place, scratchName); err != nil {
			return "", nil, err
		}
		lock, err := hold(dir)
		if err == nil {
			return dir, func() { os.RemoveAll(dir); lock.Close() }, nil
		}
		os.RemoveAll(dir)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		} // somebody has swept it away before it was locked
	}
}

// hold locks a directory of ours. It fails where somebody else has it locked, or has removed it.
func hold(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = stillThere(dir, f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func stillThere(dir string, f *os.File) error {
	held, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(dir)
	if err == nil && !os.SameFile(held, there) {
		err = fs.ErrNotExist
	}
	return err
}

// sweepOnce sweeps everywhere, once in a run.
var sweepOnce = sync.OnceFunc(func() {
	for _, place := range places() {
		sweep(place)
	}
})

// sweep removes what runs that were killed have left in a place. What is somebody else's stays, and so does what is in use; what cannot be removed is
// tried again by the next run.
func sweep(place string) {
	left, _ := filepath.Glob(filepath.Join(place, scratchName+"*")) //nolint:errcheck // the pattern is sound
	for _, dir := range left {
		var owner unix.Stat_t
		if unix.Lstat(dir, &owner) != nil || int(owner.Uid) != os.Geteuid() {
			continue
		}
		if lock, err := hold(dir); err == nil {
			os.RemoveAll(dir)
			lock.Close()
		}
	}
}
