package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/runtime"
)

// recoverUnit undoes at boot what was cut off or not confirmed.
const recoverUnit = "regsync-recover.service"

// The timer comes a little after the deadline; what it starts waits for an apply that is still at work.
const (
	timerSlack = 500 * time.Millisecond
	timerWait  = 30 * time.Minute
)

func (c *command) confirmVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "confirm",
		Short: "Keep what apply --confirm did",
		Long: `confirm keeps what apply --confirm did. Without it everything is put back when the time is over, also if regsync
was killed or the machine was started again meanwhile.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.confirm(cmd.Context()) },
	}
}

func (c *command) confirm(ctx context.Context) (err error) {
	c.wait = max(c.wait, 5*time.Second) // the timer's run may hold the lock for a moment
	s, err := c.enter(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	left, waits, err := s.waits()
	if err != nil {
		return err
	}
	if !waits || left <= 0 {
		if err := c.settled(ctx, s); err != nil {
			return err
		}
		return hinted{errors.New("nothing waits to be confirmed, or not any more"), "regsync status shows what the node has"}
	}
	n := s.ledger.Generation
	if err := s.ledger.Confirm(); err != nil {
		return err
	}
	if c.output == "text" {
		fmt.Fprintf(c.out, "Confirmed: generation %d stays.\n", n)
	}
	return nil
}

// waits reports whether an apply waits to be confirmed, and how long it still does.
func (s *site) waits() (left time.Duration, waits bool, err error) {
	j := s.ledger.Journal
	if j == nil || j.Confirm == nil {
		return 0, false, nil
	}
	now, err := ledger.Now()
	return j.Confirm.Left(now), true, err
}

// mayConfirm refuses --confirm where nobody would undo what is not confirmed.
func (c *command) mayConfirm(ctx context.Context, after time.Duration) error {
	switch {
	case after == 0:
		return nil
	case after < time.Second:
		return fmt.Errorf("--confirm is %s; it must be a second at least", after)
	case c.mount() != "/":
		return errors.New("--confirm has no meaning for a node that is mounted: nobody would undo there what is not confirmed")
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return hinted{
			fmt.Errorf("--confirm needs systemd, whose timer undoes what is not confirmed: %w", runtime.ErrNoTimer),
			"leave --confirm out; what an apply did can be taken back with regsync rollback",
		}
	}
	if !runtime.Enabled(ctx, recoverUnit) {
		c.warn(recoverUnit+" is not enabled: if the machine is started again before the time is over, nothing is undone before the next regsync command", "")
	}
	return nil
}

// undoLater has systemd undo what will not have been confirmed after a time.
func (c *command) undoLater(ctx context.Context, after time.Duration) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	unit := fmt.Sprintf("regsync-confirm-%d", time.Now().UnixNano())
	err = runtime.StartLater(ctx, unit, after+timerSlack, program, "recover", "--state-dir", c.stateDir, "--wait", timerWait.String())
	if err != nil {
		return fmt.Errorf("starting the timer that undoes what is not confirmed: %w", err)
	}
	return nil
}
