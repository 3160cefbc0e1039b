package node

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Root is a node's file system, mounted at a directory of this machine.
type Root struct {
	dir   string // "/" for this machine itself
	fd    int
	owner uint32 // of the root directory
	held  int    // this machine's directory of what we hold open; -1: no /proc is mounted
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
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("opening the root %q: %w", dir, err)
	}
	held, err := unix.Open("/proc/self/fd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		held = -1
	}
	return &Root{dir: abs, fd: fd, owner: st.Uid, held: held}, nil
}

// Close lets go of the root.
func (r *Root) Close() error {
	if r.held >= 0 {
		_ = unix.Close(r.held)
	}
	return unix.Close(r.fd)
}

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

// PlantedError says that a symbolic link on the way to a file is of a user who is neither root nor the one that runs this. Such a link is
// not followed: it would let that user have any file of the node shown, or replaced. (The kernel's protected_symlinks holds the same for
// directories like /tmp.)
type PlantedError struct {
	Link string // as the node names it
	UID  uint32 // whose it is
}

func (e *PlantedError) Error() string {
	return fmt.Sprintf("%q is a symbolic link of user %d's, and is not followed", e.Link, e.UID)
}

// trusts reports whether links of a user are followed. The owner of the root directory may have unpacked the whole tree.
func (r *Root) trusts(uid uint32) bool {
	return uid == 0 || uid == r.owner || int64(uid) == int64(os.Geteuid())
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
		if st, ok := info.Sys().(*syscall.Stat_t); ok && !r.trusts(st.Uid) {
			return "", nil, &PlantedError{Link: next, UID: st.Uid}
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

// open opens a file of the node for reading, inside the root whatever links say, and tells what it is. What is no file or directory is not opened:
// a tape would be rewound, and a watchdog begin to count. Then fd is -1.
func (r *Root) open(name string) (fd int, st unix.Stat_t, err error) {
	handle, err := r.reach(name, unix.O_PATH)
	if err != nil {
		return -1, st, err
	}
	return r.opened(handle, name)
}

// opened is open for what is reached already. It closes handle.
func (r *Root) opened(handle int, name string) (fd int, st unix.Stat_t, err error) {
	defer unix.Close(handle)
	if err := unix.Fstat(handle, &st); err != nil {
		return -1, st, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if what := st.Mode & unix.S_IFMT; what != unix.S_IFREG && what != unix.S_IFDIR {
		return -1, st, nil
	}
	const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	if r.held < 0 {
		fd, err = r.reach(name, flags)
	} else {
		fd, err = openRetry(func() (int, error) { return unix.Openat(r.held, strconv.Itoa(handle), flags, 0) }, name)
	}
	return fd, st, err
}

// reach opens name, following links as the node would. Every link is looked at before it is followed, see [Root.resolve], and what is
// opened in the end is reached without any: whoever puts one there in between gains nothing.
func (r *Root) reach(name string, flags int) (int, error) {
	fd, err := r.direct(name, flags)
	if !errors.Is(err, unix.ELOOP) {
		return fd, err
	}
	real, missing, err := r.resolve(name)
	if err != nil {
		return -1, err
	}
	if missing != nil {
		return -1, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	}
	return r.direct(real, flags)
}

// direct opens name if no link is on the way to it, and fails with ELOOP where one is.
func (r *Root) direct(name string, flags int) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags) | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS}
	fd, err := openRetry(func() (int, error) { return unix.Openat2(r.fd, cmp.Or(strings.TrimLeft(name, "/"), "."), &how) }, name)
	if errors.Is(err, unix.ENOSYS) { // a kernel before 5.6
		return r.walk(name, flags)
	}
	return fd, err
}

// walk is direct for a kernel that has no openat2: it goes from directory to directory.
func (r *Root) walk(name string, flags int) (int, error) {
	fd, err := unix.Dup(r.fd)
	if err != nil {
		return -1, err
	}
	parts := strings.Split(strings.TrimPrefix(path.Clean("/"+name), "/"), "/")
	for i, part := range parts {
		how := unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
		if i == len(parts)-1 {
			how = flags | unix.O_NOFOLLOW | unix.O_CLOEXEC
		}
		next, err := openRetry(func() (int, error) { return unix.Openat(fd, cmp.Or(part, "."), how, 0) }, name)
		_ = unix.Close(fd)
		if err != nil {
			return -1, err
		}
		var st unix.Stat_t
		if err := unix.Fstat(next, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			_ = unix.Close(next)
			return -1, &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
		}
		fd = next
	}
	return fd, nil
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
