package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
)

func (c *command) verifyVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Ask whether what the file asks for works",
		Long: `verify asks the CRI and dockerd, then each registry and mirror of the file as the node's containerd asks them, by the files that
are on the node now: whether they answer, how TLS knows them, whether they take their credential. Then it has the CRI pull verify.images.
An image that was not there before is removed again, unless a container uses it; one that was there stays as it was.

It exits with 2 if something does not work.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.verify(cmd.Context()) },
	}
}

func (c *command) verify(ctx context.Context) (err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t, err := c.loaded(ctx, s.root)
	if err != nil {
		return err
	}
	survey := &survey{site: s, live: map[string]plan.Live{}}
	if t.place, err = c.find(ctx, survey, t.spec); err != nil {
		return err
	}
	view.Warnings(c.err, c.colorErr, t.warnings)
	trial, err := c.trial(ctx, survey, t.spec, t.place)
	if err != nil {
		return err
	}
	v, err := trial.run(ctx)
	if err != nil {
		return err
	}
	if c.output == "json" {
		err = view.VerificationJSON(c.out, v)
	} else {
		c.text().Verification(v)
	}
	if err == nil && len(v.Failures()) > 0 {
		return codeError(exitPending)
	}
	return err
}
