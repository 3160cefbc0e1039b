package render

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// Import is a file that containerd's config imports, directly or through another.
type Import struct {
	Name string // absolute
	Data []byte // nil: it is not there, and containerd does not start without it
}

// ImportPatterns gives what a config file imports, as absolute paths in its order. Those with a * in them are patterns, those
// without stand for themselves whatever else is in them (resolveImports in services/server/config of containerd 1.6 and 1.7,
// and in cmd/containerd/server/config of 2.2). A file that is no TOML imports nothing: [Effective] says what is wrong with it.
func ImportPatterns(name string, data []byte, runtime Runtime) []string {
	d, err := parseDocument(data)
	if err != nil {
		return nil
	}
	var out []string
	for _, p := range stringList(d.tree["imports"]) {
		p = path.Clean(expandSnap(p, Inputs{Layout: Layout{Runtime: runtime}}))
		if !path.IsAbs(p) {
			p = path.Join(path.Dir(name), p)
		}
		out = append(out, p)
	}
	return out
}

// Effective gives what containerd makes of its config and of the files that this imports, which come in the order in which they
// are loaded. Where the version is not known, it is as 2.x does it. The error is a *spec.Problem.
func Effective(name string, config []byte, imports []Import, v Version) (RegistryConfig, error) {
	if len(imports) == 0 {
		r, err := ParseConfig(config)
		if err != nil {
			return r, configProblem(name, err)
		}
		return r, nil
	}
	files, err := parseFiles(name, config, imports)
	if err != nil {
		return RegistryConfig{}, err
	}
	r, err := mergeFiles(files, v.Before(2, 0)).registry()
	if err != nil {
		return r, configProblem(name, err)
	}
	r.byteOrderMark = files[0].bom
	r.Imports = stringList(files[0].tree["imports"])
	return r, nil
}

// parseFiles reads the config and its imports. Nothing in a file may stand where a table belongs that another has.
func parseFiles(name string, config []byte, imports []Import) ([]*document, error) {
	var files []*document
	for _, f := range append([]Import{{name, config}}, imports...) {
		if f.Data == nil && f.Name != name {
			return nil, &spec.Problem{
				Position: spec.Position{File: name}, Message: "imports " + f.Name + ", which is not there: containerd does not start",
				Hint: "make the file, or take it out of imports",
			}
		}
		d, err := parseDocument(f.Data)
		if err == nil {
			_, err = d.registry()
		}
		if err != nil {
			return nil, configProblem(f.Name, err)
		}
		files = append(files, d)
	}
	return files, nil
}

// mergeFiles joins files as containerd does (mergeConfig in the files named above): a later value goes before an earlier one
// unless it is empty, and lists of plugins are appended. containerd 1.x takes the whole table of a plugin from the last file
// that has one; 2.x joins them key by key, and there an empty value counts. 2.x also gives plugins of version-1 files the names
// that they have in version 2.
func mergeFiles(files []*document, whole bool) *document {
	all := &document{tree: map[string]any{}}
	plugins := map[string]any{}
	for i, d := range files {
		if v, ok := d.tree["version"].(int64); ok && (v > 1 || whole || i == 0) {
			all.tree["version"] = v
		} else if i == 0 && !whole && d.takesVersion() {
			all.tree["version"] = int64(3)
		}
		for _, key := range []string{"root", "state"} {
			if s, _ := d.tree[key].(string); s != "" {
				all.tree[key] = s
			}
		}
		if v, _ := d.get("grpc", "address"); v != nil && v != "" {
			all.tree["grpc"] = map[string]any{"address": v}
		}
		for _, name := range stringList(d.tree["disabled_plugins"]) {
			list, _ := all.tree["disabled_plugins"].([]any)
			all.tree["disabled_plugins"] = append(list, any(name))
		}
		rename := !whole && i > 0 && d.syntax() == 1
		own, _ := d.tree["plugins"].(map[string]any)
		for name, table := range own {
			if rename && name == pluginV1 {
				name = pluginV2
			}
			if whole {
				all.entries = slices.DeleteFunc(all.entries, func(e entry) bool { return hasPrefix(e.path, []string{"plugins", name}) })
				plugins[name] = table
			} else {
				plugins[name] = mergeTables(plugins[name], table)
			}
		}
		for _, e := range d.entries {
			if rename && hasPrefix(e.path, []string{"plugins", pluginV1}) {
				e.path = slices.Concat([]string{"plugins", pluginV2}, e.path[2:])
			}
			all.entries = append(all.entries, e)
		}
	}
	if len(plugins) > 0 {
		all.tree["plugins"] = plugins
	}
	return all
}

// mergeTables joins two tables key by key; of anything else the later counts.
func mergeTables(earlier, later any) any {
	a, ok := earlier.(map[string]any)
	b, also := later.(map[string]any)
	if !ok || !also {
		return later
	}
	joined := maps.Clone(a)
	for key, v := range b {
		joined[key] = mergeTables(a[key], v)
	}
	return joined
}

// importProblem says why the registry table of next, which the main file is to be, would not be what containerd goes by; nil
// where it would. Only the main file is ours to edit.
func importProblem(in Inputs, next []byte) error {
	if len(in.Imports) == 0 {
		return nil
	}
	all, err := Effective(in.Layout.ConfigFile, next, in.Imports, in.Containerd)
	if err != nil {
		return err
	}
	ours, err := ParseConfig(next)
	if err != nil {
		return configProblem(in.Layout.ConfigFile, err)
	}
	if UsesCertsD(in) && all.namesCertsDir(in) || !UsesCertsD(in) && reflect.DeepEqual(all.Mirrors, ours.Mirrors) {
		return nil
	}
	for _, f := range slices.Backward(in.Imports) {
		d, err := parseDocument(f.Data)
		if err == nil {
			err = d.undoes(ours, in)
		}
		if err != nil {
			return configProblem(f.Name, err)
		}
	}
	return &spec.Problem{
		Position: spec.Position{File: in.Layout.ConfigFile}, Message: "what it imports undoes what its registry table says",
		Hint: "see what stands in " + in.Imports[0].Name,
	}
}

// undoes says what in an imported file undoes the registry table of the main one, which is ours; nil where nothing does.
func (d *document) undoes(ours RegistryConfig, in Inputs) error {
	main := path.Base(in.Layout.ConfigFile)
	if n, _ := d.tree["version"].(int64); n >= 3 && ours.Syntax < 3 {
		return d.errorAt([]string{"version"}, fmt.Sprintf("version = %d here makes containerd pass over the registry table of %s, which has version %d", n, main, ours.Syntax),
			"bring "+main+" to version 3: containerd config migrate")
	}
	for _, plugin := range []string{pluginV2, pluginV3, pluginV1} {
		registry := []string{"plugins", plugin, "registry"}
		if at := append(slices.Clone(registry), "config_path"); d.has(at) && ours.Path != "" {
			if v, _ := d.get(at...); v != ours.Path {
				return d.errorAt(at, "config_path here goes before the one of "+main, "take it out, or write config_path = "+tomlString(in.Layout.ConfigPath))
			}
		}
		for _, at := range d.inlineParts(registry) {
			if len(d.children(at)) > 0 && ours.Path != "" {
				return d.errorAt(at, tomlPath(at[2:])+" here excludes config_path, without which containerd reads no certs.d: its CRI would not load with both",
					"move what it says into the spec, and take it out of this file")
			}
		}
		if at := registry[:2]; in.Containerd.Before(2, 0) && d.has(at) {
			return d.errorAt(at, tomlPath(at)+" here takes the place of the one in "+main+" as a whole: containerd 1.x does not join them",
				"give it the registry table that "+main+" needs, with config_path = "+tomlString(in.Layout.ConfigPath)+", or take it out")
		}
	}
	return nil
}

// importWarnings says what is as it should be on some versions of containerd only. next is what the main file is to be.
func importWarnings(in Inputs, next []byte) []*spec.Problem {
	var out []*spec.Problem
	main, _ := ParseConfig(next)
	for _, p := range main.Imports {
		// resolveImports of 1.6.20 looks for patterns before it joins the path; 1.6.36 and all of 1.7 join first.
		if in.Containerd.Before(1, 7) && in.Containerd.Patch < 36 && strings.Contains(p, "*") && !path.IsAbs(expandSnap(p, in)) {
			out = append(out, &spec.Problem{
				Position: spec.Position{File: in.Layout.ConfigFile}, Hint: "write it as an absolute path",
				Message: fmt.Sprintf("imports %s: containerd %s may look for it in its working directory", p, in.Containerd),
			})
		}
	}
	if in.Containerd.Known() || main.Syntax >= 3 {
		return out
	}
	in.Containerd = Version{1, 7, 0}
	if problem := (*spec.Problem)(nil); errors.As(importProblem(in, next), &problem) {
		problem.Message = "with containerd 1.x, " + problem.Message
		out = append(out, problem)
	}
	return out
}

// has reports whether something stands at path.
func (d *document) has(path []string) bool {
	_, ok := d.get(path...)
	return ok
}
