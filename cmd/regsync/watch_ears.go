package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/spec"
)

// listen makes the bell ring for everything that this look has gone by. t is as far as the road went. What is watched anew may have changed before it was:
// then the bell is rung at once.
func (w *watcher) listen(ctx context.Context, s *site, t trip) {
	paths := w.wanted(s, t)
	if !slices.Equal(paths, w.paths) {
		w.paths = paths
		unheard := ""
		if err := w.files.Set(paths); err != nil {
			unheard = oneLine(err)
		}
		if unheard != "" && unheard != w.unheard {
			w.warn("not every change will be noticed at once: "+unheard, "what is not heard of is seen at the next resync")
		}
		w.unheard = unheard
		w.bell.Ring("watched from now on")
	}
	if t.spec != nil {
		v := w.services(s.root, t.services)
		w.followed.follow(ctx, v.socket, v.Namespace, w.bell.Ring, func(up bool, why string) { w.beacon.Stream("containerd", up, why) })
	}
}

// wanted lists the paths on this machine that matter, sorted.
func (w *watcher) wanted(s *site, t trip) []string {
	var paths []string
	here := func(names ...string) {
		for _, n := range names {
			if n != "" {
				paths = append(paths, filepath.Join(w.mount(), n))
			}
		}
	}
	here(t.read...)
	for id := range s.owned {
		if id.Kind == "file" {
			here(id.Name)
		}
	}
	here(node.SnapData, t.place.CertsDir)
	paths = append(paths, filepath.Join(s.state, "ledger"))
	written := len(paths)
	if len(w.command.files) == 0 {
		here(defaultFile)
	}
	paths = append(paths, w.command.files...)
	here(t.place.Socket)
	if t.spec != nil {
		for name, beside := range inputsOf(t.spec) {
			if beside {
				paths = append(paths, name)
			} else {
				here(name)
			}
		}
	}
	for i, p := range paths {
		if whole, err := filepath.Abs(p); err == nil {
			paths[i] = whole
		}
	}
	w.inputs = map[string]bool{}
	for _, p := range paths[written:] {
		w.inputs[p] = true
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// inputsOf gives the files beside the spec that say what is wanted, and whether they are on this machine and not on the node: certificates, credentials, archives.
func inputsOf(sp *spec.Spec) map[string]bool {
	files := map[string]bool{}
	for _, ref := range sp.Files() {
		files[ref.File] = ref.Beside
	}
	for _, c := range sp.Credentials {
		if c.DockerConfig != "" {
			files[c.DockerConfig] = sp.Beside[c.DockerConfig]
		}
		if c.Password != nil && c.Password.File != "" {
			files[c.Password.File] = sp.Beside[c.Password.File]
		}
	}
	for _, p := range sp.Preload {
		if p.Archive == "" || fetched(p.Archive) {
			continue
		}
		name := p.Archive
		if at := strings.IndexAny(name, `*?[\`); at >= 0 {
			name = filepath.Dir(name[:at] + "x")
		}
		files[name] = sp.Beside[p.Archive]
	}
	return files
}

// followed is the containerd whose events are listened to.
type followed struct {
	socket, namespace string
	stop              context.CancelFunc
	done              chan struct{}
}

// follow listens to the containerd behind a socket, and to no other one.
func (f *followed) follow(ctx context.Context, socket, namespace string, ring func(string), stream func(up bool, why string)) {
	if socket == f.socket && namespace == f.namespace {
		return
	}
	f.end()
	f.socket, f.namespace = socket, namespace
	if socket == "" {
		return
	}
	ctx, f.stop = context.WithCancel(ctx)
	f.done = make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		if err := images.Follow(ctx, socket, namespace, ring, stream); err != nil {
			ring(err.Error())
		}
	}(f.done)
}

// end stops listening.
func (f *followed) end() {
	if f.stop == nil {
		return
	}
	f.stop()
	<-f.done
	f.stop = nil
}
