package fetch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What stands after the digest in the names of the files that belong to an archive that is not whole yet.
const (
	partly = ".part"
	origin = ".from"
)

// isDigest reports whether s is a sha256 as it is written in file names: nothing else can lead out of the directory.
func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// Known gives the path of the archive with this sha256, if all of it is in dir.
func Known(dir, sha256 string) (path string, ok bool) {
	if !isDigest(sha256) {
		return "", false
	}
	path = filepath.Join(dir, sha256)
	info, err := os.Lstat(path)
	return path, err == nil && info.Mode().IsRegular()
}

// Remove removes the archive with this sha256 from dir, and what came of it if it is not whole. That nothing is there is no error.
func Remove(dir, sha256 string) error {
	if !isDigest(sha256) {
		return problem("", nil, "%q is not a sha256 of 64 lower-case hex digits", sha256)
	}
	var errs []error
	for _, name := range []string{sha256, sha256 + partly, sha256 + origin} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Sweep removes every archive from dir whose sha256 is not in keep, whole or not. Files with names of another kind are not ours, and stay.
func Sweep(dir string, keep map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		sha256 := strings.TrimSuffix(strings.TrimSuffix(e.Name(), partly), origin)
		if !isDigest(sha256) || keep[sha256] || e.IsDir() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
