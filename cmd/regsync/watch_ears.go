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
	if t.spec == nil {
		return
	}
	w.cluster.follow(ctx, t.reach, interest(t.spec, s.owned), w.bell.Ring, w.hearing, func() { w.beacon.Drop("kubernetes") })
	v := w.services(s.root, t.services)
	if v.socket == "" {
		w.containerd.end()
		return
	}
	w.containerd.hear(ctx, v.socket+" "+v.Namespace, func(ctx context.Context) {
		err := images.Follow(ctx, v.socket, v.Namespace, w.bell.Ring, func(up bool, why string) { w.beacon.Stream("containerd", up, why) })
		if err != nil {
			w.complain(err, "")
		}
		w.beacon.Drop("containerd")
	})
}

// ledgerFile is written by every apply, in the state directory.
const ledgerFile = "ledger"

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
	paths = append(paths, filepath.Join(s.state, ledgerFile))
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
		w.inputs[w.onNode(p)] = true
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

// ear is something that is listened to, as long as it is the same.
type ear struct {
	what string
	stop context.CancelFunc
	done chan struct{}
}

// hear begins to listen, unless it is this that is listened to already. listen returns when its ctx ends.
func (e *ear) hear(ctx context.Context, what string, listen func(context.Context)) {
	if e.stop != nil && e.what == what {
		return
	}
	e.end()
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	e.what, e.stop, e.done = what, stop, done
	go func() {
		defer close(done)
		listen(ctx)
	}()
}

// end stops listening.
func (e *ear) end() {
	if e.stop == nil {
		return
	}
	e.stop()
	<-e.done
	e.stop = nil
}
