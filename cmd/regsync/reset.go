package main

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

func (c *command) resetVerb() *cobra.Command {
	var ok giving
	verb := &cobra.Command{
		Use:   "reset",
		Short: "Give everything back and forget",
		Long: `reset puts back what stood on the node before regsync came, removes what regsync made, and forgets everything.
A config that the runtime could not start with stays as repaired; --exact gives even that back. MicroK8s' built-in registry
stays enabled, for its images would go with it; --allow-data-loss disables it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.reset(cmd.Context(), ok) },
	}
	verb.Flags().BoolVarP(&ok.yes, "yes", "y", false, "do not ask")
	verb.Flags().BoolVar(&ok.exact, "exact", false, "give back even what the runtime cannot live with")
	verb.Flags().BoolVar(&ok.dataLoss, "allow-data-loss", false, "disable the built-in registry too, if regsync has enabled it; its images are deleted with it")
	return verb
}

// giving is what reset may give back beyond what it always does.
type giving struct{ yes, exact, dataLoss bool }

func (c *command) reset(ctx context.Context, ok giving) (err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	s, err := c.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if damage := s.damaged(); damage != "" {
		return hinted{errors.New(damage), "run regsync apply with the last file first: it finds what bears its mark again"}
	}
	survey := &survey{site: s, live: map[string]plan.Live{}}
	if err := survey.readOwned(); err != nil {
		return err
	}
	have, err := survey.have(nil)
	if err != nil {
		return err
	}
	var stays map[render.ID]plan.Owned
	if !ok.dataLoss { // then nobody has to be asked about add-ons
		s.owned, stays = withoutAddons(s.owned)
	}
	var t trip
	t.services, t.source.History = s.ledger.Services, -1 // there is nothing to go back to afterwards
	var nothing render.Desired
	open, err := c.lookAtImages(ctx, &t, c.services(s.root, t.services), &nothing, have, s.owned)
	if err != nil {
		return err
	}
	if len(open.waiting) > 0 {
		return hinted{errors.New("images of regsync's are in containerd's store: " + open.waiting[0]), "start containerd, then run it again"}
	}
	if t.reach, err = c.reach(ctx, s, t.services, &spec.Spec{}); err != nil {
		return err
	}
	if err := c.lookAtCluster(ctx, t.reach, &nothing, have, &open, ""); err != nil {
		return err
	}
	if len(open.waiting)+len(nothing.Held) > 0 {
		for _, h := range nothing.Held {
			open.waiting = append(open.waiting, h.Name+": "+h.Problem.Message)
		}
		return hinted{errors.New("regsync has something in the cluster: " + strings.Join(open.waiting, "; ")), "bring the API server up, then run it again"}
	}
	maps.Copy(open.owned, stays)
	t.plan, err = plan.New(nil, have, open.owned, plan.Policy{
		Exact: ok.exact, DataLoss: ok.dataLoss, Owner: t.services.Cluster.Owner, Leaving: "is given back", Digest: s.ledger.Digest, Made: s.ledger.Made,
	})
	if err != nil {
		return err
	}
	t.plan.Left, t.plan.Elsewhere = open.left, open.elsewhere
	if err := c.show(t); err != nil {
		return err
	}
	done := c.carryOut(ctx, s, t, consent{yes: ok.yes})
	if code := codeError(0); done != nil && !errors.As(done, &code) {
		return done
	}
	t.reach.drop(ctx)
	if err := s.ledger.Remove(); err != nil {
		return err
	}
	return done
}
