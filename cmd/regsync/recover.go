package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/view"
)

func (c *command) recoverVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "recover",
		Short: "Undo what an apply that was cut off has left",
		Long: `recover puts every file back that an apply has changed before it was killed or the power went, and reloads what has
read them. Where nothing was left it does nothing. It needs no file and no network. Every command that changes the node does the same
first; at boot regsync-recover.service does it, before containerd and Docker start.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.recover(cmd.Context()) },
	}
}

func (c *command) recover(ctx context.Context) (err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	s, err := c.enter(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	found, err := c.takeBack(ctx, s)
	if err != nil {
		return err
	}
	if c.output == "json" {
		return view.RecoveryJSON(c.out, found)
	}
	c.text().Recovery(found)
	return nil
}

// settled undoes what an earlier run has left, and says so.
func (c *command) settled(ctx context.Context, s *site) error {
	found, err := c.takeBack(ctx, s)
	if err != nil {
		return err
	}
	if found.Undone || found.Damage != "" {
		view.Text{W: c.err, Color: c.colorErr}.Recovery(found)
	}
	return nil
}

// takeBack puts back what the apply of the journal has changed. A journal that cannot be trusted is set aside; then the ledger still knows
// what was begun.
func (c *command) takeBack(ctx context.Context, s *site) (view.Recovery, error) {
	found := view.Recovery{Damage: s.ledger.JournalDamage}
	var err error
	if found.Aside, err = s.ledger.Tidy(); err != nil {
		return found, err
	}
	j := s.ledger.Journal
	if j == nil {
		return found, nil
	}
	found.Undone, found.Generation, found.At, found.By = true, j.Generation, j.At, j.By
	cut := s.ledger.Cut()
	for _, f := range j.Files {
		if err := s.root.Sweep(f.Name); err != nil {
			return found, err
		}
	}
	n := &liveNode{Root: s.root, services: c.services(s.root, j.Services)}
	effects := j.Effects
	if c.baking() {
		effects = nil
	}
	found.Left, err = apply.Recover(context.WithoutCancel(ctx), apply.Cut{Changes: cut.Changes, Before: cut.Before, Effects: effects, Ours: cut.Ours}, n, c.hear)
	found.Lost = cut.Lost
	for _, change := range cut.Changes {
		found.Files = append(found.Files, change.Name)
	}
	if err != nil {
		return found, c.stuck(s, &apply.UndoError{Cause: fmt.Errorf("the apply of %s was cut off", j.At.Format(time.RFC3339)), Undo: err})
	}
	if err := s.ledger.Revert(append(found.Left, found.Lost...)); err != nil {
		return found, c.stuck(s, &apply.UndoError{Cause: fmt.Errorf("the apply of %s was cut off", j.At.Format(time.RFC3339)), Undo: err})
	}
	why := "the apply of " + j.At.Format(time.RFC3339) + " was cut off, and was undone"
	if err := s.ledger.Fail(ledger.Failure{At: time.Now().UTC().Truncate(time.Second), Message: why}); err != nil {
		view.Warning(c.err, c.colorErr, err.Error())
	}
	return found, nil
}

// stuck says what to do by hand when files or programs cannot be brought back.
func (c *command) stuck(s *site, err error) error {
	return hinted{err, fmt.Sprintf("see to what stands in the way, then run regsync recover; what the files held is in %q and %q, and %q names them",
		filepath.Join(s.state, "undo"), filepath.Join(s.state, "backups"), s.ledger.JournalName())}
}

// hear tells what happens while something is put back.
func (c *command) hear(e apply.Event) {
	if c.output == "json" {
		_ = view.EventJSON(c.err, e) // what cannot be told is done all the same
		return
	}
	view.Event(c.err, c.colorErr, e, c.verbose)
	if unserved := (*apply.UnservedError)(nil); errors.As(e.Err, &unserved) {
		view.Warning(c.err, c.colorErr, fmt.Sprintf("%s is still to be done: %v", e.Effect.Name, unserved))
		view.Hint(c.err, c.colorErr, unserved.Advice)
	}
}
