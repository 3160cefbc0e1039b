package node

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// folder is a directory of the node that is open. What is done in it happens there, wherever its path leads by then, and to nothing that a
// link in it names.
type folder struct {
	fd   int
	path string // as the node names it
}

// folder opens a directory whose path has no links any more. One that has got some since it was resolved is an error.
func (r *Root) folder(real string) (*folder, error) {
	fd, err := r.direct(real, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, unix.ELOOP) {
		return nil, &fs.PathError{Op: "open", Path: real, Err: errors.New("it was replaced by a symbolic link meanwhile")}
	}
	if err != nil {
		return nil, err
	}
	return &folder{fd, real}, nil
}

func (d *folder) close() error { return unix.Close(d.fd) }

// fail gives the error of an operation on a name its place.
func (d *folder) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path.Join(d.path, name), Err: err}
}

// open opens or makes a file. It never waits for the other end of a pipe.
func (d *folder) open(name string, flags int, mode uint32) (*os.File, error) {
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	fd, err := openRetry(func() (int, error) { return unix.Openat(d.fd, name, flags, mode) }, path.Join(d.path, name))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// kind names what stands at name and is no plain file; it is empty for one that is, and where nothing is there.
func (d *folder) kind(name string) (string, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", d.fail("stat", name, err)
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return "is a symbolic link by now", nil
	}
	return kind(st.Mode), nil
}

func (d *folder) rename(from, to string) error {
	return d.fail("rename", to, unix.Renameat(d.fd, from, d.fd, to))
}

// remove removes a file, and never a directory.
func (d *folder) remove(name string) error {
	return d.fail("unlink", name, unix.Unlinkat(d.fd, name, 0))
}

// sync makes sure that what is in the directory is in it after a power cut.
func (d *folder) sync() error { return d.fail("fsync", "", unix.Fsync(d.fd)) }

// make makes a directory in it that all may enter, whatever the umask. One that is there is no error.
func (d *folder) make(name string) error {
	if err := unix.Mkdirat(d.fd, name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return d.fail("mkdir", name, err)
	} else if err != nil {
		return nil
	}
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return d.fail("open", name, err)
	}
	return errors.Join(d.fail("chmod", name, unix.Fchmod(fd, 0o755)), unix.Close(fd))
}
