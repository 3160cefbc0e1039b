package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/runtime"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

func (c *command) recoverVerb() *cobra.Command {
	var now, boot bool
	verb := &cobra.Command{
		Use:   "recover",
		Short: "Undo what an apply that was cut off has left",
		Long: `recover puts every file back that an apply has changed before it was killed or the power went, or that nobody has
confirmed in time, and reloads what has read them. Where nothing was left it does nothing. It needs no file and no network. Every command
that changes the node does the same first; at boot regsync-recover.service does it, before containerd and Docker start.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.recover(cmd.Context(), now, boot) },
	}
	verb.Flags().BoolVar(&boot, "boot", false, "run as "+recoverUnit+": before what reads the files")
	verb.Flags().BoolVar(&now, "now", false, "undo also what still waits to be confirmed")
	return verb
}

func (c *command) recover(ctx context.Context, now, boot bool) (err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if boot && runtime.AnyStarted(ctx) {
		// Somebody has started the unit later. What it is ordered before cannot be restarted as long as it runs.
		return c.undoLater(ctx, 0)
	}
	s, err := c.enter(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	left, waits, err := s.waits()
	if err != nil {
		return err
	}
	var found view.Recovery
	if waits && left > 0 && !now {
		found.Waits = s.ledger.Journal.Confirm.Until()
		// The timer has come before its time, for the apply has taken long, or it has not outlived a reboot.
		if err := c.undoLater(ctx, left); err != nil && !errors.Is(err, runtime.ErrNoTimer) {
			return err
		}
	} else if found, err = c.takeBack(ctx, s); err != nil {
		return err
	}
	if c.output == "json" {
		return view.RecoveryJSON(c.out, found)
	}
	found.Forward = s.ledger.Begun()
	c.text().Recovery(found)
	return nil
}

// settled undoes what an earlier run has left, and says so.
func (c *command) settled(ctx context.Context, s *site) error {
	left, waits, err := s.waits()
	if err != nil {
		return err
	}
	if waits && left > 0 {
		return hinted{
			fmt.Errorf("an apply waits to be confirmed until %s", s.ledger.Journal.Confirm.Until().Local().Format(time.RFC3339)),
			"to keep it: regsync confirm; to take it back: regsync recover --now",
		}
	}
	found, err := c.takeBack(ctx, s)
	if err != nil {
		return err
	}
	if !found.Undone && found.Damage == "" {
		return nil
	}
	if c.log != nil {
		c.log.Warn("an apply was "+found.Why()+", and is undone", slog.String("by", found.By.Command), slog.Any("files", found.Files), slog.String("damage", found.Damage))
		return nil
	}
	view.Text{W: c.err, Color: c.colorErr}.Recovery(found)
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
	found.Undone, found.Unconfirmed, found.Generation, found.At, found.By = true, j.Confirm != nil, j.Generation, j.At, j.By
	why := fmt.Sprintf("the apply of %s was %s", j.At.Format(time.RFC3339), found.Why())
	cut := s.ledger.Cut()
	for _, f := range j.Files {
		if err := s.root.Sweep(f.Name); err != nil {
			return found, err
		}
	}
	found.Left, err = c.putBack(context.WithoutCancel(ctx), s, cut)
	found.Lost = cut.Lost
	for _, change := range cut.Changes {
		found.Files = append(found.Files, change.Name)
	}
	if err != nil {
		return found, c.stuck(s, &apply.UndoError{Cause: errors.New(why), Undo: err})
	}
	if err := s.ledger.Revert(s.stillOurs(slices.Concat(found.Left, found.Lost))); err != nil {
		return found, c.stuck(s, &apply.UndoError{Cause: errors.New(why), Undo: err})
	}
	if err := s.ledger.Fail(ledger.Failure{At: time.Now().UTC().Truncate(time.Second), Message: why + ", and was undone"}); err != nil {
		c.warn(err.Error(), "")
	}
	return found, nil
}

// putBack puts the files of the journal back, on the revision of MicroK8s' snap that they were written to and on the one that is there now: a
// refresh since, or a way back, leaves both with what was written.
func (c *command) putBack(ctx context.Context, s *site, cut ledger.Cut) (left []string, err error) {
	j := s.ledger.Journal
	begun := apply.Cut{Changes: cut.Changes, Before: cut.Before, Ours: cut.Ours}
	now := newRevision(s.root)
	if j.Revision != "" && j.Revision != now.dir {
		then := &revision{Root: s.root, dir: j.Revision, wrote: map[string][]byte{}}
		if _, err := apply.Recover(ctx, begun, &liveNode{revision: then}, c.hear); err != nil {
			c.warn(err.Error(), "") // nothing runs by it any more
		}
	}
	if !c.baking() {
		begun.Effects = j.Effects
	}
	return apply.Recover(ctx, begun, &liveNode{revision: now, services: c.services(s.root, j.Services)}, c.hear)
}

// stillOurs gives those of the files in which something of ours stands though somebody has changed them.
func (s *site) stillOurs(names []string) []string {
	owned, err := s.ledger.Owned()
	if err != nil {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool {
		o, ok := owned[render.ID{Kind: render.KindFile, Name: name}]
		live, err := s.root.Read(name)
		if !ok || err != nil {
			return false
		}
		if o.Scope == render.Whole {
			if o.Strayed(live) != nil {
				return true
			}
			return render.Tool(name, live.Data) != render.Ours
		}
		without, err := plan.Base(live.Data, &o, s.ledger.Digest)
		return err == nil && render.Same(without, live.Data)
	})
}

// stuck says what to do by hand when files or programs cannot be brought back.
func (c *command) stuck(s *site, err error) error {
	return hinted{err, fmt.Sprintf("see to what stands in the way, then run regsync recover; what the files held is in %q and %q, and %q names them",
		filepath.Join(s.state, "undo"), filepath.Join(s.state, "backups"), s.ledger.JournalName())}
}

// hear tells what happens while something is put back.
func (c *command) hear(e apply.Event) {
	if c.log != nil {
		c.note(e)
		return
	}
	if c.output == "json" {
		_ = view.EventJSON(c.err, e) // what cannot be told is done all the same
		return
	}
	view.Event(c.err, c.colorErr, e, c.verbose)
	if unserved := (*apply.UnservedError)(nil); errors.As(e.Err, &unserved) {
		c.warn(fmt.Sprintf("%s is still to be done: %v", e.Effect.Name, unserved), unserved.Advice)
	}
}
