package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

func (c *command) statusVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether the node is as it was left, and as the file says",
		Long: `status shows the last generation, what somebody has changed since, what was left unfinished, and, where there is a
file, what apply would do. It exits with 2 if any of these is not as it should be. It changes nothing. Where regsync watch
looks after the node, it shows what that says of it; who is not root sees that alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.status(cmd.Context()) },
	}
}

func (c *command) status(ctx context.Context) (err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	s, err := c.open(ctx, false)
	if errors.Is(err, fs.ErrPermission) {
		return c.statusUnread(err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	now, err := c.statusOf(ctx, s)
	if err == nil {
		now.Watch, err = said(s.root)
	}
	if err != nil {
		return err
	}
	var unplanned error
	if c.hasSpec() {
		t, err := c.travel(ctx, s)
		if err == nil {
			now.Plan = &t.plan
		}
		unplanned = err
	}
	err = c.showStatus(now)
	if unplanned != nil {
		return unplanned
	}
	return err
}

// showStatus shows a status, and ends with the code that it means.
func (c *command) showStatus(now view.Status) error {
	if c.output == "json" {
		if err := view.StatusJSON(c.out, now); err != nil {
			return err
		}
	} else {
		c.text().Status(now)
	}
	if !now.Converged() {
		return codeError(exitPending)
	}
	return nil
}

// statusOf is what can be said of the node without the spec. Of what nobody can be asked about now, nothing is said.
func (c *command) statusOf(ctx context.Context, s *site) (view.Status, error) {
	now := view.Status{Generation: s.ledger.Generation, AppliedAt: s.ledger.AppliedAt, Rollback: s.ledger.RolledBack, Damage: s.damaged()}
	survey := &survey{site: s, live: map[string]plan.Live{}}
	if err := survey.readOwned(); err != nil {
		return now, err
	}
	have, err := survey.have(nil)
	if err != nil {
		return now, err
	}
	reach, err := c.reach(ctx, s, s.ledger.Services, &spec.Spec{})
	if err != nil {
		return now, err
	}
	open := sight{owned: s.owned}
	if err := c.lookAtCluster(ctx, reach, &render.Desired{}, have, &open, ""); err != nil {
		return now, err
	}
	now.Drift = plan.Drift(have, open.owned, s.ledger.Digest)
	now.AtWork = ledger.Holder(s.state)
	now.Unfinished = s.ledger.Journal != nil || s.ledger.JournalDamage != ""
	if j := s.ledger.Journal; j != nil && j.Confirm != nil {
		now.ConfirmBy = j.Confirm.Until()
	}
	now.Unfinished = (now.Unfinished || s.ledger.Begun()) && now.AtWork == ""
	now.Forward = s.ledger.Journal == nil && s.ledger.JournalDamage == ""
	if f := s.ledger.Failure(); f != nil {
		now.LastError = f.Message
	}
	return now, nil
}

// hasSpec reports whether a file says what the node should be.
func (c *command) hasSpec() bool {
	if len(c.files) > 0 {
		return true
	}
	_, err := os.Stat(filepath.Join(c.mount(), defaultFile))
	return err == nil
}
