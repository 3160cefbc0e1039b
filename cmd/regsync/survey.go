package main

import (
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// survey is what was read of a node. Each file is read once in a run.
type survey struct {
	*site
	live   map[string]plan.Live
	singly bool // see [command]
}

// read reads the files that have not been read yet, several at once.
func (s *survey) read(names []string) error {
	todo := slices.DeleteFunc(slices.Clone(names), func(n string) bool { _, ok := s.live[n]; return ok })
	found := make([]plan.Live, len(todo))
	var failed error
	var once sync.Once
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), 1+len(todo)/64)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(todo); i += workers {
				live, err := s.root.Read(todo[i])
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
				found[i] = live
			}
		})
	}
	wg.Wait()
	for i, n := range todo {
		s.live[n] = found[i]
	}
	return failed
}

// forget lets everything be read again.
func (s *survey) forget() { clear(s.live) }

// readOwned reads everything that is ours.
func (s *survey) readOwned() error {
	names := make([]string, 0, len(s.owned))
	for id := range s.owned {
		if id.Kind == render.KindFile {
			names = append(names, id.Name)
		}
	}
	return s.read(names)
}

// base gives a file as it would be without us; nil where there would be none.
func (s *survey) base(name string) ([]byte, error) {
	if err := s.read([]string{name}); err != nil {
		return nil, err
	}
	owned := s.ownedFile(name)
	data, err := plan.Base(s.live[name].Data, owned, s.ledger.Digest)
	if err != nil && s.singly && owned.Before.Lost == "" {
		return owned.Before.Data, nil // the plan says what is wrong with it
	}
	return data, err
}

// config is base for what containerd reads: what is no file there keeps it from starting, and says nothing of which runtime this is.
func (s *survey) config(name string) ([]byte, error) {
	data, err := s.base(name)
	if obstacle := s.live[name].Obstacle; err == nil && obstacle != "" {
		err = hinted{fmt.Errorf("%q %s", name, obstacle), "move it out of the way, then run again"}
	}
	return data, err
}

func (s *survey) ownedFile(name string) *plan.Owned {
	if o, ok := s.owned[render.ID{Kind: render.KindFile, Name: name}]; ok {
		return &o
	}
	return nil
}

// dirs gives the directories of certs.d as they would be without us.
func (s *survey) dirs(certsDir string) (map[string]render.Dir, error) {
	names, err := s.root.List(certsDir)
	if err != nil {
		return nil, err
	}
	dirs := map[string]render.Dir{}
	for _, name := range names {
		dir := path.Join(certsDir, name)
		hosts := path.Join(dir, render.HostsTOML)
		owned := s.ownedFile(hosts)
		if owned != nil && owned.Before.Data == nil && s.ledger.Made(dir) {
			continue // it is there for our files only
		}
		if !s.root.IsDir(dir) {
			continue
		}
		d := render.Dir{}
		if d.Hosts, err = s.base(hosts); err != nil {
			return nil, err
		}
		files, err := s.root.List(dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if f != render.HostsTOML && s.ownedFile(path.Join(dir, f)) == nil {
				d.Files = append(d.Files, f)
			}
		}
		dirs[name] = d
	}
	// A file that we took over counts though somebody has removed its whole directory since: otherwise what is wanted would
	// change with it.
	for id, o := range s.owned {
		dir, file := path.Split(id.Name)
		dir = strings.TrimSuffix(dir, "/")
		if _, ok := dirs[path.Base(dir)]; !ok && file == render.HostsTOML && path.Dir(dir) == certsDir && o.Before.Data != nil {
			dirs[path.Base(dir)] = render.Dir{Hosts: o.Before.Data}
		}
	}
	return dirs, nil
}

// have gives what was read, as the plan wants it.
func (s *survey) have(want []render.Resource) (map[render.ID]plan.Live, error) {
	names := make([]string, 0, len(want))
	for _, r := range want {
		if r.Kind == render.KindFile {
			names = append(names, r.Name)
		}
	}
	if err := s.read(names); err != nil {
		return nil, err
	}
	have := make(map[render.ID]plan.Live, len(s.live))
	for name, live := range s.live {
		have[render.ID{Kind: render.KindFile, Name: name}] = live
	}
	return have, nil
}
