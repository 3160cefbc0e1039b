package node

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Root is a node's file system, mounted at a directory of this machine.
type Root struct {
	dir string // "/" for this machine itself
	fd  int
}

// Open opens the file system that is mounted at dir.
func Open(dir string) (*Root, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open(abs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the root %q: %w", dir, err)
	}
	return &Root{dir: abs, fd: fd}, nil
}

// Close lets go of the root.
func (r *Root) Close() error { return unix.Close(r.fd) }

// Dir is where the node's file system is mounted on this machine.
func (r *Root) Dir() string { return r.dir }

// maxLinks is how many symbolic links may stand in one path; the kernel's own limit.
const maxLinks = 40

// LeavesError says that a symbolic link leads out of the root.
type LeavesError struct {
	Link, Target string // the link as the node names it, and where it points
}

func (e *LeavesError) Error() string {
	return fmt.Sprintf("%q is a symbolic link to %q, which leads out of the root", e.Link, e.Target)
}

// resolve gives name with every symbolic link followed, as the node names it, and the directories of it that are not there,
// outermost first. The last component need not exist either.
func (r *Root) resolve(name string) (real string, missing []string, err error) {
	todo := strings.Split(strings.TrimPrefix(path.Clean("/"+name), "/"), "/")
	links := 0
	real = "/"
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			real = path.Dir(real)
			continue
		}
		next := path.Join(real, part)
		info, err := os.Lstat(r.on(next))
		if errors.Is(err, fs.ErrNotExist) {
			real = next
			if len(todo) > 0 {
				missing = append(missing, next)
			}
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if len(todo) > 0 && !info.IsDir() {
				return "", nil, &fs.PathError{Op: "open", Path: next, Err: syscall.ENOTDIR}
			}
			real = next
			continue
		}
		if links++; links > maxLinks {
			return "", nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
		}
		target, err := os.Readlink(r.on(next))
		if err != nil {
			return "", nil, err
		}
		base := real
		if path.IsAbs(target) {
			base = "/"
		}
		if r.dir != "/" && r.leaves(base, target) {
			return "", nil, &LeavesError{Link: next, Target: target}
		}
		todo = append(strings.Split(target, "/"), todo...)
		real = base
	}
	return real, missing, nil
}

// leaves reports whether a link's target, followed from the directory base, goes above the root, or names, as an absolute path,
// something that is not below it.
func (r *Root) leaves(base, target string) bool {
	if path.IsAbs(target) {
		return !r.holds(target)
	}
	depth := strings.Count(strings.Trim(base, "/"), "/")
	if base != "/" {
		depth++
	}
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

// holds reports whether something is at an absolute path, with the links on the way to it followed inside the root.
func (r *Root) holds(name string) bool {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := openRetry(func() (int, error) { return unix.Openat2(r.fd, cmp.Or(strings.TrimLeft(name, "/"), "."), &how) }, name)
	if err == nil {
		_ = unix.Close(fd)
		return true
	}
	if errors.Is(err, unix.ENOSYS) { // a kernel before 5.6
		_, err = os.Lstat(r.on(name))
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// on gives a path of the node as this machine names it. Links in it are not followed: use it on resolved paths.
func (r *Root) on(name string) string { return path.Join(r.dir, name) }

// Path gives a path of the node as this machine names it, with links followed: for sockets and for programs that are started.
func (r *Root) Path(name string) (string, error) {
	real, _, err := r.resolve(name)
	if err != nil {
		return "", err
	}
	return r.on(real), nil
}

// Exists reports whether something is at name; a dangling link is not.
func (r *Root) Exists(name string) bool {
	real, missing, err := r.resolve(name)
	if err != nil || missing != nil {
		return false
	}
	_, err = os.Lstat(r.on(real))
	return err == nil
}

// open opens a file of the node for reading, inside the root whatever links say. It never waits, also not for the other end
// of a pipe.
func (r *Root) open(name string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	if r.dir == "/" {
		return openRetry(func() (int, error) { return unix.Open(name, flags, 0) }, name)
	}
	how := unix.OpenHow{Flags: flags, Resolve: unix.RESOLVE_IN_ROOT}
	fd, err := openRetry(func() (int, error) { return unix.Openat2(r.fd, strings.TrimPrefix(name, "/"), &how) }, name)
	if errors.Is(err, unix.ENOSYS) { // a kernel before 5.6
		real, _, err := r.resolve(name)
		if err != nil {
			return -1, err
		}
		return openRetry(func() (int, error) { return unix.Open(r.on(real), flags, 0) }, name)
	}
	return fd, err
}

func openRetry(open func() (int, error), name string) (int, error) {
	for {
		fd, err := open()
		switch {
		case err == nil:
			return fd, nil
		case !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN):
			return -1, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}
