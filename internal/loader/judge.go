package loader

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	docker2 "github.com/containerd/containerd/v2/core/remotes/docker"
)

// Anybody is a registry that has no directory of its own, and is served by _default.
const Anybody = "any.invalid"

// Judge says what containerd of a major version would make of a directory of certs.d with these files in it, by name, as
// the directory of host. For "*" it is the directory _default, asked for [Anybody]. Judge writes the files
// into a temporary directory, in memory where there is such a place, whose path is in nothing that it returns.
func Judge(major int, files map[string][]byte, host string) (Result, error) {
	copied, err := Copy(files, host)
	if err != nil {
		return Result{}, err
	}
	defer copied.Remove()
	return copied.Judge(major)
}

// Copied is a copy of one directory of certs.d, in a temporary one, for more than one major version to judge.
type Copied struct {
	root, host string

	// Remove removes the copy.
	Remove func()
}

// Copy writes the files of host's directory, as [Judge] does.
func Copy(files map[string][]byte, host string) (*Copied, error) {
	root, done, err := scratch()
	if err != nil {
		return nil, fmt.Errorf("judging the directory of %q: %w", host, err)
	}
	dir := host
	if host == "*" {
		dir, host = "_default", Anybody
	}
	if err := write(root, dir, files); err != nil {
		done()
		return nil, fmt.Errorf("judging the directory of %q: %w", host, err)
	}
	return &Copied{root, host, done}, nil
}

// Judge is [Judge] of the copy.
func (c *Copied) Judge(major int) (Result, error) {
	result, err := Load(major, c.root, c.host)
	for i, line := range result.Logged {
		result.Logged[i] = strings.ReplaceAll(line, c.root+"/", "")
	}
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), c.root+"/", ""))
	}
	return result, err
}

// Ahead gives those whom containerd of a major version would ask for the images of host, if these files were its directory, as [Judge] has it.
// All that the files name is read when Ahead returns.
func Ahead(major int, files map[string][]byte, host string, client func(*http.Transport)) ([]docker2.RegistryHost, error) {
	root, done, err := scratch()
	if err != nil {
		return nil, fmt.Errorf("loading the directory of %q: %w", host, err)
	}
	defer done()
	if err := write(root, "ahead", files); err != nil {
		return nil, fmt.Errorf("loading the directory of %q: %w", host, err)
	}
	load, err := Hosts(major, Options{Dir: func(string) (string, error) { return filepath.Join(root, "ahead"), nil }, Client: client})
	if err != nil {
		return nil, err
	}
	if host == "*" {
		host = Anybody
	}
	hosts, err := load(host)
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), root+"/", ""))
	}
	return hosts, err
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
