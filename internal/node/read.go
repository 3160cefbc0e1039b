package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/plan"
)

// maxFile bounds what is read as one file: none of those that regsync manages comes near it.
const maxFile = 64 << 20

// Read gives a file as it is. A file that is not there is no error, and neither is a thing in its place that is no file:
// [plan.Live] says so.
func (r *Root) Read(name string) (plan.Live, error) {
	handle, link, err := r.stand(name)
	if err != nil {
		return r.unread(name, link, err)
	}
	fd, st, err := r.opened(handle, name)
	if err != nil {
		return r.unread(name, link, err)
	}
	if fd >= 0 {
		defer unix.Close(fd)
	}
	if what := kind(st.Mode); what != "" {
		live := plan.Live{Obstacle: what, Stray: link}
		if link == nil {
			live.Stray = r.strayAt(name)
		}
		return live, nil
	}
	if st.Size > maxFile {
		return r.unread(name, link, fmt.Errorf("it has %d bytes, which is more than such a file ever has", st.Size))
	}
	data := make([]byte, 0, st.Size)
	for len(data) < cap(data) {
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return r.unread(name, link, err)
		}
		if n == 0 {
			break
		}
		data = data[:len(data)+n]
	}
	return plan.Live{Data: data, Mode: fs.FileMode(st.Mode & 0o7777), UID: int(st.Uid), GID: int(st.Gid), Stray: link}, nil
}

// unread says what it means that name could not be opened or read. A link that leads to nothing readable is an obstacle.
func (r *Root) unread(name string, link *plan.Stray, cause error) (plan.Live, error) {
	switch {
	case errors.Is(cause, fs.ErrNotExist):
		real, missing, err := r.resolve(name)
		if err != nil {
			return plan.Live{}, fmt.Errorf("reading %q: %w", name, err)
		}
		if link != nil {
			return plan.Live{Stray: link, Obstacle: fmt.Sprintf("is a symbolic link to %q, which is not there", real)}, nil
		}
		return plan.Live{Missing: ancestors(name, len(missing))}, nil
	case link != nil && !errors.Is(cause, fs.ErrPermission):
		return plan.Live{Stray: link, Obstacle: through(link, cause)}, nil
	case errors.Is(cause, syscall.ENOTDIR):
		return plan.Live{Obstacle: "cannot be there: a directory above it is a file"}, nil
	}
	return plan.Live{}, fmt.Errorf("reading %q: %w", name, cause)
}

// ancestors gives the n directories right above name, outermost first, as name names them: a link among those further up may
// lead elsewhere tomorrow.
func ancestors(name string, n int) []string {
	dirs := make([]string, n)
	for i := range slices.Backward(dirs) {
		name = path.Dir(name)
		dirs[i] = name
	}
	return dirs
}

// kind names what is no plain file; it is empty for one that is.
func kind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return ""
	case unix.S_IFDIR:
		return "is a directory"
	case unix.S_IFIFO:
		return "is a named pipe"
	case unix.S_IFSOCK:
		return "is a socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "is a device"
	}
	return "is no file"
}

// List gives the names of what is in a directory, sorted. One that is not there is empty.
func (r *Root) List(name string) ([]string, error) {
	fd, st, err := r.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, _, err := r.resolve(name); err != nil {
			return nil, fmt.Errorf("listing %q: %w", name, err)
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w", name, err)
	}
	if fd < 0 {
		return nil, fmt.Errorf("listing %q: it %s", name, kind(st.Mode))
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("listing %q: %w", name, err)
	}
	slices.Sort(names)
	return names, nil
}

// ModTime is when a file was last written; ok is false where that cannot be known.
func (r *Root) ModTime(name string) (at time.Time, ok bool) {
	real, err := r.Path(name)
	if err != nil {
		return at, false
	}
	info, err := os.Stat(real)
	if err != nil {
		return at, false
	}
	return info.ModTime(), true
}

// IsDir reports whether a directory is at name.
func (r *Root) IsDir(name string) bool {
	real, err := r.Path(name)
	if err != nil {
		return false
	}
	info, err := os.Stat(real)
	return err == nil && info.IsDir()
}
