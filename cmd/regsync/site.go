package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// site is the node that a run works on, and what we remember of it.
type site struct {
	root   *node.Root
	state  string // the state directory, as this machine names it
	ledger *ledger.Ledger
	lock   *ledger.Lock // nil: this run only looks
	owned  map[render.ID]plan.Owned

	unfetched bool // an archive is yet to be fetched, and this run only looks
}

// open opens the node. A run that changes it holds the lock from here on, so that nothing moves between plan and apply, and first ends
// what an earlier one has left.
func (c *command) open(ctx context.Context, change bool) (*site, error) {
	s, err := c.enter(ctx, change)
	if err != nil {
		return nil, err
	}
	if change {
		err = c.settled(ctx, s)
	}
	if err == nil && change {
		err = c.atHome(s)
	}
	if err == nil {
		s.owned, err = s.ledger.Owned()
	}
	if err == nil && change {
		err = s.sweep()
	}
	if err == nil {
		return s, nil
	}
	return nil, errors.Join(asRoot(err), s.close())
}

// atHome gives a ledger that came along with the image of another machine a key of this one's own.
func (c *command) atHome(s *site) error {
	read := func(name string) []byte {
		live, err := s.root.Read(name)
		if err != nil {
			return nil
		}
		return live.Data
	}
	id := strings.TrimSpace(string(read("/etc/machine-id")))
	if id == "uninitialized" { // an image before its first boot (machine-id(5))
		id = ""
	}
	moved, err := s.ledger.Settled(id, read)
	if moved {
		c.warn("what regsync remembers came with the image of another machine: it has a new key now, and plans that were saved there cannot be applied here", "")
	}
	return err
}

// asRoot gives an error that comes of missing rights a word of advice.
func asRoot(err error) error {
	if errors.Is(err, fs.ErrPermission) && hintOf(err) == "" {
		return hinted{err, "regsync looks after files of root: run it as root"}
	}
	return err
}

// enter opens the node as it was left.
func (c *command) enter(ctx context.Context, change bool) (*site, error) {
	root, err := node.Open(c.mount())
	if err != nil {
		return nil, err
	}
	s := &site{root: root}
	state, err := root.Path(c.stateDir)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	s.state = state
	if err := protectedState(state); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if change {
		ctx, cancel := context.WithTimeout(ctx, max(c.wait, time.Millisecond))
		defer cancel()
		s.lock, err = ledger.Acquire(ctx, state)
		if locked := (*ledger.LockedError)(nil); errors.As(err, &locked) {
			err = hinted{err, "let it end, or wait for it with --wait 2m"}
		}
	}
	if err == nil {
		s.ledger, err = ledger.Open(state, s.lock)
	}
	if err == nil {
		return s, nil
	}
	return nil, errors.Join(asRoot(err), s.close())
}

// archiveDir is where facts about archives are remembered. A run that only looks makes no state directory.
func (s *site) archiveDir() string {
	if _, err := os.Stat(s.state); err != nil {
		return ""
	}
	return filepath.Join(s.state, "archives")
}

// sweep removes what a run that was killed has left beside the files that it was writing.
func (s *site) sweep() error {
	for id, o := range s.owned {
		if o.Coming == "" || id.Kind != render.KindFile {
			continue
		}
		if err := s.root.Sweep(id.Name); err != nil {
			return err
		}
	}
	return nil
}

// close leaves the node. Where nothing is ours, nothing of ours stays.
func (s *site) close() error {
	var err error
	if s.lock != nil {
		if s.ledger != nil && s.ledger.Unused() {
			err = s.ledger.Remove()
		}
		err = errors.Join(err, s.lock.Release())
	}
	return errors.Join(err, s.root.Close())
}

// damaged says that the ledger could not be trusted; empty where it could.
func (s *site) damaged() string {
	if s.ledger.SetAside == "" {
		return ""
	}
	return fmt.Sprintf("the ledger is damaged and is set aside as %q: what bears regsync's mark is found again, and what else stood on the node before regsync is not known any more", s.ledger.SetAside)
}
