package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/plan"
)

// stand opens what stands at name. Where that is a symbolic link, it is followed, and given too; then fd is what it leads to.
func (r *Root) stand(name string) (fd int, link *plan.Stray, err error) {
	fd, err = r.direct(name, unix.O_PATH)
	if !errors.Is(err, unix.ELOOP) {
		return fd, nil, err
	}
	at, err := r.own(name)
	if err != nil {
		return -1, nil, err
	}
	fd, err = r.direct(at, unix.O_PATH)
	if !errors.Is(err, unix.ELOOP) {
		return fd, nil, err
	}
	dir, err := r.folder(path.Dir(at))
	if err != nil {
		return -1, nil, err
	}
	link, err = dir.stray(path.Base(at))
	if err = errors.Join(err, dir.close()); err != nil {
		return -1, nil, err
	}
	fd, err = r.reach(at, unix.O_PATH)
	return fd, link, err
}

// own gives a path with the links on the way to it followed, but for the one that may stand at its end.
func (r *Root) own(name string) (string, error) {
	dir, missing, err := r.resolve(path.Dir(path.Clean("/" + name)))
	if err == nil && missing != nil {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return path.Join(dir, path.Base(name)), err
}

// through says why a link cannot be followed.
func through(link *plan.Stray, err error) string {
	if leaves := (*LeavesError)(nil); errors.As(err, &leaves) && leaves.Target == link.Link {
		return fmt.Sprintf("is a symbolic link to %q, which leads out of the root", link.Link)
	}
	if bare := (*fs.PathError)(nil); errors.As(err, &bare) {
		err = bare.Err
	}
	return fmt.Sprintf("is a symbolic link to %q: %v", link.Link, err)
}

// stray gives what stands at a name of the directory and is no file, but holds nothing; nil: no such thing does.
func (d *folder) stray(name string) (*plan.Stray, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, d.fail("stat", name, err)
	}
	s := &plan.Stray{Mode: fs.FileMode(st.Mode & 0o7777), UID: int(st.Uid), GID: int(st.Gid)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(d.fd, name, target)
		if err != nil {
			return nil, d.fail("readlink", name, err)
		}
		s.Kind, s.Link, s.Mode = plan.StrayLink, string(target[:n]), 0
	case unix.S_IFIFO:
		s.Kind = plan.StrayPipe
	case unix.S_IFDIR:
		f, err := d.open(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if _, err := f.Readdirnames(1); !errors.Is(err, io.EOF) {
			return nil, err
		}
		s.Kind = plan.StrayDir
	default:
		return nil, nil //nolint:nilnil // nothing of the kind is there
	}
	return s, nil
}

// Replace puts a file in the place of a stray, and touches nothing that it leads to. What is another thing by then stays.
func (r *Root) Replace(name string, s plan.Stray, data []byte, mode fs.FileMode, owner *plan.Original) error {
	return r.at("replacing", name, func(dir *folder, base string) error {
		if now, err := dir.stray(base); err != nil || now == nil || *now != s {
			return errors.Join(err, fmt.Errorf("it is not %s any more", s))
		}
		temp := tempName(base)
		_ = dir.remove(temp) // of a run that was killed
		f, err := dir.open(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		err = fill(f, data, func() error { return dressNew(f, mode, owner) })
		if err == nil && s.Kind == plan.StrayDir { // no file takes the place of a directory
			err = dir.fail("rmdir", base, unix.Unlinkat(dir.fd, base, unix.AT_REMOVEDIR))
		}
		if err == nil {
			err = dir.rename(temp, base)
		}
		if err != nil {
			_ = dir.remove(temp)
			return err
		}
		return dir.sync()
	})
}

// Restore puts a stray back in the place of the file that took its own.
func (r *Root) Restore(name string, s plan.Stray) error {
	return r.at("putting back", name, func(dir *folder, base string) error {
		temp := tempName(base)
		_ = dir.remove(temp)
		var err error
		switch s.Kind {
		case plan.StrayLink:
			err = unix.Symlinkat(s.Link, dir.fd, temp)
		case plan.StrayPipe:
			err = unix.Mkfifoat(dir.fd, temp, 0o600)
		case plan.StrayDir: // no directory takes the place of a file
			if err := dir.remove(base); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			err = unix.Mkdirat(dir.fd, temp, 0o700)
		default:
			return fmt.Errorf("%q is nothing that can be put back", s.Kind)
		}
		if err == nil {
			err = unix.Fchownat(dir.fd, temp, s.UID, s.GID, unix.AT_SYMLINK_NOFOLLOW)
		}
		if err == nil && s.Kind != plan.StrayLink {
			err = unix.Fchmodat(dir.fd, temp, uint32(s.Mode), 0)
		}
		if err = dir.fail("make", base, err); err == nil {
			err = dir.rename(temp, base)
		}
		if err != nil {
			_ = unix.Unlinkat(dir.fd, temp, unix.AT_REMOVEDIR)
			_ = dir.remove(temp)
			return err
		}
		return dir.sync()
	})
}

// at opens the directory that a name stands in, for as long as do works there. A link at the name itself is not followed.
func (r *Root) at(doing, name string, do func(dir *folder, base string) error) error {
	at, err := r.own(name)
	if err == nil {
		err = r.in(at, do)
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", doing, name, err)
	}
	return nil
}

// sweepOwn removes what a run that was killed left right beside a name, whatever stands there.
func (r *Root) sweepOwn(name string) error {
	at, err := r.own(name)
	if err != nil {
		return err
	}
	return r.in(at, func(dir *folder, base string) error {
		temp := tempName(base)
		err := dir.remove(temp)
		if errors.Is(err, unix.EISDIR) {
			err = dir.fail("rmdir", temp, unix.Unlinkat(dir.fd, temp, unix.AT_REMOVEDIR))
		}
		return err
	})
}

// strayAt gives the stray at a name; nil: there is none.
func (r *Root) strayAt(name string) *plan.Stray {
	var s *plan.Stray
	err := r.at("reading", name, func(dir *folder, base string) (err error) {
		s, err = dir.stray(base)
		return err
	})
	if err != nil {
		return nil // what it is instead is said all the same
	}
	return s
}
