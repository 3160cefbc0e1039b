package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/plan"
)

var errStale = errors.New("the node has moved on since the plan was made")

// save writes a plan to a file, for apply FILE.
func (c *command) save(file string, s *site, t trip) error {
	if err := conflicted(t.plan); err != nil {
		return err
	}
	saved := ledger.Saved{Plan: t.plan, Generation: s.ledger.Generation, Source: t.source, Services: t.services, MaxRemovals: t.maxRemovals, Named: t.named, Wishes: t.wishes}
	for _, name := range c.files {
		if name != "-" {
			abs, err := filepath.Abs(name)
			if err != nil {
				return err
			}
			name = abs
		}
		saved.Files = append(saved.Files, name)
	}
	data, err := s.ledger.Seal(saved)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(file, data, 0o600); err != nil {
		return fmt.Errorf("saving the plan: %w", err)
	}
	return s.ledger.Keep()
}

// reopen reads a saved plan, as it is to be applied. Nothing is worked out anew but contents that are secret.
func (c *command) reopen(ctx context.Context, file string, s *site) (trip, error) {
	var t trip
	if len(c.files) > 0 {
		return t, hinted{errors.New("a saved plan is applied as it is; -f has no meaning beside it"), "leave out -f, or leave out the plan"}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return t, err
	}
	saved, err := s.ledger.Unseal(data)
	if err != nil {
		return t, hinted{fmt.Errorf("%s: %w", file, err), "make it again: regsync plan --out " + file}
	}
	stale := func(why error) error {
		return hinted{fmt.Errorf("%s: %w: %w", file, errStale, why), "make it again: regsync plan --out " + file}
	}
	if saved.Generation != s.ledger.Generation {
		return t, stale(errors.New("something was applied"))
	}
	if saved.Secret() {
		c.files = saved.Files
		fresh, err := c.travel(ctx, s)
		if err != nil {
			return t, err
		}
		if err := s.ledger.Complete(&saved, fresh.plan); err != nil {
			for _, x := range fresh.plan.Conflicts { // a credential that is not known now
				err = fmt.Errorf("%w; %s: %s", err, x.Name, x.Reason)
			}
			return t, stale(err)
		}
	}
	if err := unmoved(s, saved.Plan); err != nil {
		return t, stale(err)
	}
	t.plan, t.source, t.services = saved.Plan, saved.Source, saved.Services
	t.maxRemovals, t.named, t.wishes = saved.MaxRemovals, saved.Named, saved.Wishes
	return t, nil
}

// unmoved checks that every file is as the plan saw it.
func unmoved(s *site, p plan.Plan) error {
	files, _ := p.Split()
	for _, c := range files {
		live, err := s.root.Read(c.Name)
		if err != nil {
			return err
		}
		if !c.Sees(live) {
			return fmt.Errorf("%q is not as it was", c.Name)
		}
	}
	return nil
}
