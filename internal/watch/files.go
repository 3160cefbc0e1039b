package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// Overflow is the cause when the kernel had more to tell than it could keep: anything may have changed.
const Overflow = "inotify overflowed"

// Files rings a bell when files change. What is watched are the directories on the way to them, so that a file that is renamed over, a link that is
// made to point elsewhere (MicroK8s' current, the ..data of a ConfigMap's volume) and a directory that is yet to be made are all seen.
type Files struct {
	watcher *fsnotify.Watcher
	bell    *Bell
	done    chan struct{}

	mu    sync.Mutex
	paths []string
	steps map[string]names // by directory, without links in its path
}

// names are the entries of a directory that count; those that wake under the path that was asked for. "" is every entry.
type names map[string]string

// NewFiles makes one that rings bell. It has to be closed.
func NewFiles(bell *Bell) (*Files, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching files: %w", err)
	}
	f := &Files{watcher: w, bell: bell, done: make(chan struct{}), steps: map[string]names{}}
	go f.listen()
	return f, nil
}

// Close ends the watching, and returns when the bell is rung no more.
func (f *Files) Close() error {
	err := f.watcher.Close()
	<-f.done
	return err
}

// Set says which paths are watched from now on, instead of those before: files, which need not be there, and directories, of which every
// entry counts. The error says of which directories nothing will be heard; the others are watched all the same.
func (f *Files) Set(paths []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths = paths
	return f.follow()
}

// follow makes the kernel watch the directories on the way to all paths as they are now.
func (f *Files) follow() error {
	steps := map[string]names{}
	for _, path := range f.paths {
		trace(filepath.Clean(path), func(dir, name string) {
			if steps[dir] == nil {
				steps[dir] = names{}
			}
			steps[dir][name] = path
		})
	}
	var failed []error
	watched := map[string]bool{}
	for _, dir := range f.watcher.WatchList() {
		watched[dir] = true
		if steps[dir] == nil {
			_ = f.watcher.Remove(dir) // it may be gone
		}
	}
	for dir := range steps {
		if watched[dir] {
			continue
		}
		switch err := f.watcher.Add(dir); {
		case errors.Is(err, os.ErrNotExist): // it has gone just now; its parent tells when it comes back
		case errors.Is(err, unix.ENOSPC):
			failed = append(failed, fmt.Errorf("watching %q: the kernel allows no more (fs.inotify.max_user_watches)", dir))
		case err != nil:
			failed = append(failed, fmt.Errorf("watching %q: %w", dir, err))
		}
	}
	f.steps = steps
	return errors.Join(failed...)
}

// listen tells the bell of what counts, until the watcher is closed.
func (f *Files) listen() {
	defer close(f.done)
	for {
		select {
		case event, ok := <-f.watcher.Events:
			if !ok {
				return
			}
			if path, counts := f.counts(event); counts {
				f.bell.Ring(path)
			}
		case err, ok := <-f.watcher.Errors:
			if !ok {
				return
			}
			cause := err.Error()
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				cause = Overflow
			}
			f.again()
			f.bell.Ring(cause)
		}
	}
}

// again follows the paths anew. Where that fails it is said at the next Set.
func (f *Files) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.follow()
}

// counts gives the path that an event is about, of those that were asked for.
func (f *Files) counts(event fsnotify.Event) (path string, counts bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, name := filepath.Split(event.Name)
	inside := f.steps[filepath.Clean(dir)]
	path, counts = inside[name]
	if !counts {
		path, counts = inside[""]
	}
	if itself := f.steps[event.Name]; !counts && itself != nil && event.Has(fsnotify.Remove|fsnotify.Rename) {
		for _, path = range itself {
			counts = true
		}
	}
	if counts && event.Has(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) {
		_ = f.follow() // the way may go elsewhere now
	}
	return path, counts
}

// maxLinks is how many links a path may lead through, as in the kernel.
const maxLinks = 40

// trace tells of the entries on the way to a path that can change where it leads: the file itself, links, and the first directory that is not there.
// Where the path is a directory every entry of it counts.
func trace(path string, tell func(dir, name string)) {
	dir, rest := "/", path
	for links := 0; ; {
		name, more, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
		if name == "" {
			tell(dir, "") // the path is this directory
			return
		}
		if name == ".." {
			dir, rest = filepath.Dir(dir), more
			continue
		}
		here := filepath.Join(dir, name)
		info, err := os.Lstat(here)
		switch {
		case err != nil:
			tell(dir, name)
			return
		case info.Mode()&os.ModeSymlink != 0:
			tell(dir, name)
			target, err := os.Readlink(here)
			if links++; err != nil || links > maxLinks {
				return
			}
			if filepath.IsAbs(target) {
				dir = "/"
			}
			rest = target + "/" + more
		case !info.IsDir():
			tell(dir, name)
			return
		default:
			if strings.Trim(more, "/") == "" {
				tell(dir, name) // it may be removed, or replaced
			}
			dir, rest = here, more
		}
	}
}
