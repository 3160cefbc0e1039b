package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/plan"
)

// Write puts data into a file, or removes the file where data is nil, so that after a crash or a power cut the old content or the new one is there, never a part.
// The file that is there keeps its owner, its extended attributes, and its mode unless mode is not 0; links to it are
// followed. owner is who owns a file that is made new; nil: whoever we are. Directories above it are made where they are missing.
func (r *Root) Write(name string, data []byte, mode fs.FileMode, owner *plan.Original) error {
	if data == nil {
		return r.remove(name)
	}
	real, missing, err := r.resolve(name)
	if err == nil {
		err = r.makeDirs(missing)
	}
	if err == nil {
		err = r.in(real, func(dir *folder, base string) error { return replace(dir, base, data, mode, owner) })
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, err)
	}
	return nil
}

// in opens the directory of a resolved path for as long as do works there.
func (r *Root) in(real string, do func(dir *folder, base string) error) error {
	dir, err := r.folder(path.Dir(real))
	if err != nil {
		return err
	}
	return errors.Join(do(dir, path.Base(real)), dir.close())
}

func (r *Root) makeDirs(missing []string) error {
	for _, d := range missing {
		err := r.in(d, func(dir *folder, base string) error {
			if err := dir.make(base); err != nil {
				return err
			}
			return dir.sync()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// replace writes a new file beside base and renames it over base. This is not renameio because that works on paths, follows what is
// swapped in between, and drops the extended attributes.
func replace(dir *folder, base string, data []byte, mode fs.FileMode, owner *plan.Original) error {
	if what, err := dir.kind(base); err != nil || what != "" {
		return errors.Join(err, obstacle(what))
	}
	temp := tempName(base)
	_ = dir.remove(temp) // of a run that was killed; nobody else writes while we do
	f, err := dir.open(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = fill(f, data, func() error { return dress(f, dir, base, mode, owner) })
	if err == nil {
		err = dir.rename(temp, base)
	}
	if err != nil {
		_ = dir.remove(temp)
		if errors.Is(err, syscall.EBUSY) { // somebody mounted something on it, as container runtimes do with /etc/hosts
			return overwrite(dir, base, data, mode)
		}
		return err
	}
	return dir.sync()
}

// obstacle is the error of something that stands in the way.
func obstacle(what string) error {
	if what == "" {
		return nil
	}
	return errors.New("it " + what)
}

// tempName is the name under which a file is written before it takes its place.
func tempName(base string) string { return "." + base + ".regsync-new" }

// Sweep removes what a run that was killed while it wrote the file may have left beside it, and beside what a link in its place leads to.
func (r *Root) Sweep(name string) error {
	names := []string{name}
	if real, missing, err := r.resolve(name); err == nil && missing == nil && real != name {
		names = append(names, real)
	}
	for _, n := range names {
		if err := r.sweepOwn(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what a killed run left: %w", err)
		}
	}
	return nil
}

// fill gives the new file what dress does and its content, and closes it.
func fill(f *os.File, data []byte, dress func() error) error {
	err := dress()
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// dress gives f the owner, attributes and mode of the file that it will replace.
func dress(f *os.File, dir *folder, base string, mode fs.FileMode, owner *plan.Original) error {
	old, err := dir.open(base, unix.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return dressNew(f, mode, owner)
	}
	if err != nil {
		return err
	}
	defer old.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(old.Fd()), &st); err != nil {
		return err
	}
	if what := kind(st.Mode); what != "" {
		return obstacle(what)
	}
	if int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid() {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	if err := copyAttributes(int(f.Fd()), int(old.Fd())); err != nil {
		return err
	}
	if mode == 0 {
		mode = fs.FileMode(st.Mode & 0o7777)
	}
	return f.Chmod(unixMode(mode))
}

// dressNew gives a file that replaces none its owner and mode.
func dressNew(f *os.File, mode fs.FileMode, owner *plan.Original) error {
	if owner != nil {
		if err := f.Chown(owner.UID, owner.GID); err != nil {
			return err
		}
	}
	return f.Chmod(unixMode(mode))
}

// unixMode gives the permission bits and the set-id and sticky bits as os wants them.
func unixMode(mode fs.FileMode) fs.FileMode {
	m := mode.Perm()
	if mode&unix.S_ISUID != 0 {
		m |= fs.ModeSetuid
	}
	if mode&unix.S_ISGID != 0 {
		m |= fs.ModeSetgid
	}
	if mode&unix.S_ISVTX != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// copyAttributes copies extended attributes: labels of security modules and access lists are among them.
func copyAttributes(to, from int) error {
	size, err := unix.Flistxattr(from, nil)
	if err != nil || size == 0 {
		if errors.Is(err, unix.ENOTSUP) {
			return nil
		}
		return err
	}
	names := make([]byte, size)
	if size, err = unix.Flistxattr(from, names); err != nil {
		return err
	}
	for _, name := range splitZero(names[:size]) {
		n, err := unix.Fgetxattr(from, name, nil)
		if err != nil {
			return err
		}
		value := make([]byte, n)
		if n, err = unix.Fgetxattr(from, name, value); err != nil {
			return err
		}
		if err := unix.Fsetxattr(to, name, value[:n], 0); err != nil {
			return fmt.Errorf("setting attribute %q: %w", name, err)
		}
	}
	return nil
}

func splitZero(b []byte) []string {
	var names []string
	for len(b) > 0 {
		i := 0
		for i < len(b) && b[i] != 0 {
			i++
		}
		names = append(names, string(b[:i]))
		b = b[min(i+1, len(b)):]
	}
	return names
}

// overwrite writes into the file that is there. A crash can tear it; there is no other way where it is a mount point.
func overwrite(dir *folder, base string, data []byte, mode fs.FileMode) error {
	f, err := dir.open(base, unix.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if mode != 0 {
		err = f.Chmod(unixMode(mode)) // first, so that nobody reads what is closed from now on
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Truncate(int64(len(data)))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// remove removes a file. One that is not there is no error.
func (r *Root) remove(name string) error {
	real, missing, err := r.resolve(name)
	if err == nil && missing != nil {
		return nil
	}
	if err == nil {
		err = r.in(real, func(dir *folder, base string) error {
			if err := dir.remove(base); err != nil {
				return err
			}
			return dir.sync()
		})
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %q: %w", name, err)
	}
	return nil
}

// RemoveDir removes a directory. One in which something is, or on which something is mounted, is not ours alone and stays, and so does
// what is no directory.
func (r *Root) RemoveDir(name string) error {
	real, missing, err := r.resolve(name)
	if err != nil || missing != nil {
		return err
	}
	err = r.in(real, func(dir *folder, base string) error { return unix.Unlinkat(dir.fd, base, unix.AT_REMOVEDIR) })
	for _, stays := range []error{fs.ErrNotExist, unix.ENOTEMPTY, unix.EEXIST, unix.EBUSY, unix.ENOTDIR} {
		if errors.Is(err, stays) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("removing the directory %q: %w", name, err)
	}
	return nil
}
