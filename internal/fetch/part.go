package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// part is an archive that is not whole yet. As an io.Writer it takes what comes next.
type part struct {
	dir       *os.Root
	digest    string // what it is to have in the end
	file      *os.File
	hash      hash.Hash // of what is there
	size      int64     // how much is there, in bytes
	validator string    // the ETag or Last-Modified of what it is a part of; empty: unknown
}

// openPart opens what is there of an archive, and hashes it. It is ours until it is closed.
func openPart(ctx context.Context, dir *os.Root, digest string) (*part, error) {
	f, err := lockPart(dir, digest)
	if err != nil {
		return nil, err
	}
	p := &part{dir: dir, digest: digest, file: f, hash: sha256.New()}
	data, err := dir.ReadFile(digest + origin)
	if err == nil {
		p.validator = string(bytes.TrimSpace(data))
	} else if !errors.Is(err, fs.ErrNotExist) {
		p.close()
		return nil, err
	}
	p.size, err = io.CopyBuffer(struct{ io.Writer }{p.hash}, interruptible{ctx, f}, make([]byte, 256<<10))
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// lockPart opens the file and locks it. The lock may come when somebody who held it has just finished or removed the file.
func lockPart(dir *os.Root, digest string) (*os.File, error) {
	for {
		f, err := dir.OpenFile(digest+partly, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, problem("wait for it to end", nil, "another process fetches %q just now", filepath.Join(dir.Name(), digest))
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		held, err := f.Stat()
		there, statErr := dir.Lstat(digest + partly)
		if err == nil && statErr == nil && os.SameFile(held, there) {
			return f, nil
		}
		f.Close()
		if err = errors.Join(err, statErr); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// interruptible is a file that can be read until ctx ends.
type interruptible struct {
	ctx  context.Context
	file *os.File
}

func (i interruptible) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.file.Read(b)
}

// Write adds bytes at the end.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.WriteAt(b, p.size)
	p.hash.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// restart throws away what is there. What comes next belongs to the version with this validator.
func (p *part) restart(validator string) error {
	p.hash.Reset()
	p.size, p.validator = 0, validator
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	if err := p.dir.Remove(p.digest + origin); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if validator == "" {
		return nil
	}
	return p.dir.WriteFile(p.digest+origin, []byte(validator+"\n"), 0o600)
}

// sum is the sha256 of what is there.
func (p *part) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// finish gives the archive its name. It is on the disk then.
func (p *part) finish() error {
	err := p.file.Sync()
	if err == nil {
		err = p.dir.Rename(p.digest+partly, p.digest)
	}
	if err != nil {
		return err
	}
	_ = p.dir.Remove(p.digest + origin) // nothing reads it any more; Sweep and Remove take it too
	dir, err := p.dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// discard removes what is there.
func (p *part) discard() error {
	var errs []error
	for _, name := range []string{p.digest + partly, p.digest + origin} {
		if err := p.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// close lets go of it. A part with nothing in it does not stay.
func (p *part) close() {
	if there, err := p.dir.Lstat(p.digest + partly); err == nil && there.Size() == 0 {
		_ = p.discard()
	}
	p.file.Close()
}

// strong gives the validator that a later If-Range may hold: an ETag that is not weak, or else a date (RFC 9110, 13.1.5).
func strong(etag, modified string) string {
	if etag != "" && !strings.HasPrefix(etag, "W/") {
		return etag
	}
	return modified
}
