package loader

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Judge says what containerd of a major version would make of a directory of certs.d with these files in it, by name, as
// the directory of host. For "*" it is the directory _default, asked for a registry "any.invalid". Judge writes the files
// into a temporary directory, whose path is in nothing that it returns.
func Judge(major int, files map[string][]byte, host string) (Result, error) {
	root, err := os.MkdirTemp("", "regsync-judge-")
	if err != nil {
		return Result{}, fmt.Errorf("judging the directory of %q: %w", host, err)
	}
	defer os.RemoveAll(root)
	dir := host
	if host == "*" {
		dir, host = "_default", "any.invalid"
	}
	if err := write(root, dir, files); err != nil {
		return Result{}, fmt.Errorf("judging the directory of %q: %w", host, err)
	}
	result, err := Load(major, root, host)
	for i, line := range result.Logged {
		result.Logged[i] = strings.ReplaceAll(line, root+"/", "")
	}
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), root+"/", ""))
	}
	return result, err
}

// write puts files into the directory dir below root. Neither dir nor a file's name may lead elsewhere.
func write(root, dir string, files map[string][]byte) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, data := range files {
		if err := r.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
