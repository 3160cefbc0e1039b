package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/spec"
)

// sources reads what -f names; without it, the default file of the node.
func (c *command) sources() ([]spec.Source, error) {
	if len(c.files) == 0 {
		return c.defaultSource()
	}
	var list []spec.Source
	var problems *multierror.Error
	for _, name := range c.files {
		found, err := c.source(name)
		if err != nil {
			problems = multierror.Append(problems, err)
		}
		list = append(list, found...)
	}
	return list, problems.ErrorOrNil()
}

func (c *command) defaultSource() ([]spec.Source, error) {
	name := filepath.Join(c.mount(), defaultFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hinted{fmt.Errorf("%s is not there", name), "write it, or name another file with -f FILE"}
	}
	if err != nil {
		return nil, unread(name, err)
	}
	return []spec.Source{{Name: name, Data: data}}, nil
}

// unread says why a file that the user named cannot be read.
func unread(name string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("reading %q: %w", name, err)
}

func (c *command) source(name string) ([]spec.Source, error) {
	if name == "-" {
		data, err := io.ReadAll(c.in)
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return []spec.Source{{Name: "-", Data: data}}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, unread(name, err)
	}
	if !info.IsDir() {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, unread(name, err)
		}
		return []spec.Source{{Name: name, Data: data}}, nil
	}
	entries, err := os.ReadDir(name) // in lexical order
	if err != nil {
		return nil, unread(name, err)
	}
	var list []spec.Source
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(e.Name())) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(name, e.Name()))
		if err != nil {
			return nil, unread(filepath.Join(name, e.Name()), err)
		}
		list = append(list, spec.Source{Name: filepath.Join(name, e.Name()), Data: data})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s holds no .yaml file", name)
	}
	return list, nil
}

// digestOf identifies what the sources say.
func digestOf(list []spec.Source) string {
	h := sha256.New()
	for _, src := range list {
		fmt.Fprintf(h, "%d\n", len(src.Data))
		h.Write(src.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sourceOf is what is remembered of the sources and their policy when they are applied.
func sourceOf(list []spec.Source, policy spec.Policy) plan.Source {
	s := plan.Source{SpecDigest: digestOf(list), Adopt: policy.Adopt, AdoptFrom: policy.AdoptFrom, History: policy.History}
	for _, src := range list {
		name := src.Name
		if whole, err := filepath.Abs(name); err == nil && name != "-" {
			name = whole
		}
		s.Files = append(s.Files, name)
	}
	return s
}

// load reads the spec for the node at root. root is nil where there is none, and then overlays see this machine's name only.
// everywhere says that what is wrong for other nodes is wrong.
func (c *command) load(list []spec.Source, root *node.Root, labels func() (map[string]string, error), everywhere bool) (*spec.Spec, []*spec.Problem, error) {
	facts := spec.Facts{Hostname: hostname(root), NodeLabels: labels, Everywhere: everywhere}
	if root != nil {
		facts.FileExists = root.Exists
	}
	return spec.Load(list, facts)
}

// hostname is the node's name: of a file system that is only mounted, the one that it will have.
func hostname(root *node.Root) string {
	if root != nil && root.Dir() != "/" {
		live, err := root.Read("/etc/hostname")
		if err == nil {
			return strings.TrimSpace(string(live.Data))
		}
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
