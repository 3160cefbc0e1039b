package node

import (
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
)

// Imports reads what containerd's config imports, in the order in which containerd loads it: level by level, each name once.
// base gives a file as it would be without us.
func (r *Root) Imports(p render.Layout, base func(name string) ([]byte, error)) ([]render.Import, error) {
	config, err := base(p.ConfigFile)
	if err != nil {
		return nil, err
	}
	var files []render.Import
	loaded := map[string]bool{p.ConfigFile: true}
	pending := render.ImportPatterns(p.ConfigFile, config, p.Runtime)
	for len(pending) > 0 {
		pattern := pending[0]
		pending = pending[1:]
		for _, name := range r.glob(pattern) {
			if loaded[name] {
				continue
			}
			loaded[name] = true
			data, err := base(name)
			if err != nil {
				return nil, err
			}
			files = append(files, render.Import{Name: name, Data: data})
			pending = append(pending, render.ImportPatterns(name, data, p.Runtime)...)
		}
	}
	return files, nil
}

// glob gives what a pattern stands for, as filepath.Glob has it, but below the root; without a * it stands for itself.
// Nothing matches a pattern that is no pattern, and what cannot be listed has nothing in it.
func (r *Root) glob(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	return r.match(pattern)
}

// Glob gives what a pattern stands for below the root, as [path.Match] has it; nothing that is not there.
func (r *Root) Glob(pattern string) []string {
	return slices.DeleteFunc(r.match(pattern), func(name string) bool { return !r.Exists(name) })
}

func (r *Root) match(pattern string) []string {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return []string{pattern}
	}
	var out []string
	for _, dir := range r.match(path.Dir(pattern)) {
		names, err := r.List(dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			if ok, err := path.Match(path.Base(pattern), name); ok && err == nil {
				out = append(out, path.Join(dir, name))
			}
		}
	}
	return out
}
