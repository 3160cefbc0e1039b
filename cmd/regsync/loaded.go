package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// startTolerance is how much later than containerd itself its config may be and still be what it has loaded: it is read some
// hundredths of a second after the start, which is known to some hundredths only.
const startTolerance = 250 * time.Millisecond

// pendingContainerd adds a restart where containerd does not have what its config says of registries.
func pendingContainerd(ctx context.Context, s *survey, t *trip, desired render.Desired, v *services) {
	wanted := slices.ContainsFunc(desired.Resources, func(r render.Resource) bool {
		return r.Asks != nil || r.Scope == render.TOMLKeys
	})
	if !wanted || v.socket == "" || slices.ContainsFunc(t.plan.Effects, func(e plan.Effect) bool { return e.Name == render.RestartContainerd }) {
		return
	}
	file, err := render.Effective(v.ConfigFile, s.live[v.ConfigFile].Data, t.place.Imports, v.version(ctx))
	if err != nil {
		return // whoever edits it says so
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if why := s.notLoaded(ctx, v, file, t.place.Imports); why != "" {
		t.plan = t.plan.WithPending(render.RestartContainerd, why)
	}
}

// notLoaded says why containerd does not work by what its config says of registries; empty where it does, or where it does
// not run.
func (s *survey) notLoaded(ctx context.Context, v *services, file render.RegistryConfig, imports []render.Import) string {
	name := path.Base(v.ConfigFile)
	loaded, mirrors, told, err := runtime.LoadedConfigPath(ctx, v.socket)
	switch {
	case err == nil && told: // containerd 1.x tells all of it
		if s.same(loaded, file.Path) && mirrors == (len(file.Mirrors) > 0) {
			return ""
		}
		return fmt.Sprintf("containerd runs with config_path %q, and %s says %q", loaded, name, file.Path)
	case v.Runtime == render.MicroK8s:
		// What it was started with is the file that MicroK8s made of the template.
		generated, err := s.root.Read(node.SnapData + "/args/containerd.toml")
		if err != nil || generated.Data == nil {
			return ""
		}
		was, err := render.Effective(v.ConfigFile, generated.Data, imports, v.version(ctx))
		if err != nil || s.same(was.Path, file.Path) && len(was.Mirrors) == len(file.Mirrors) {
			return ""
		}
		return fmt.Sprintf("containerd was started with config_path %q, and %s says %q", was.Path, name, file.Path)
	}
	_, started, err := runtime.Started(v.socket)
	if err != nil {
		return ""
	}
	for _, f := range append([]render.Import{{Name: v.ConfigFile}}, imports...) {
		if changed, ok := s.root.ModTime(f.Name); ok && changed.After(started.Add(startTolerance)) {
			return path.Base(f.Name) + " is newer than the running containerd"
		}
	}
	return ""
}

// same reports whether two values of config_path name one directory of the node.
func (s *survey) same(a, b string) bool {
	if a == b {
		return true
	}
	if a == "" || b == "" {
		return false
	}
	one, errOne := s.root.Path(node.Expand(a))
	other, errOther := s.root.Path(node.Expand(b))
	return errOne == nil && errOther == nil && one == other
}
