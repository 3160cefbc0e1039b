package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

func (c *command) rollbackVerb() *cobra.Command {
	var yes bool
	verb := &cobra.Command{
		Use:   "rollback [N]",
		Short: "Go back to what an earlier apply left",
		Long: `rollback makes the files be as generation N left them; without N, as the one before the last left them. It shows the
plan and asks on a terminal, as apply does, and leaves a new generation. Images stay as they are. A secret is in no
generation: where another one has come since, it stays, with all that is in its directory.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.rollback(cmd.Context(), args, yes) },
	}
	verb.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return verb
}

func (c *command) rollback(ctx context.Context, args []string, yes bool) (err error) {
	if len(c.files) > 0 {
		return hinted{errors.New("rollback asks no file; -f has no meaning beside it"), "leave out -f, or run regsync apply -f FILE"}
	}
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
	list, err := s.ledger.Generations()
	if err != nil {
		return err
	}
	number := strconv.Itoa(before(list, s.ledger.Generation))
	if len(args) == 1 {
		number = args[0]
	} else if s.ledger.Generation < 2 {
		return hinted{errors.New("there is no generation before the last one"), "to give the node back as it was before regsync: regsync reset"}
	}
	target, err := generation(list, number)
	if err != nil {
		return err
	}
	last := list[len(list)-1]
	t, err := c.wayBack(ctx, s, target, last)
	if err != nil {
		return err
	}
	if err := c.show(t); err != nil {
		return err
	}
	if err := conflicted(t.plan); err != nil {
		return err
	}
	return c.noted(s, c.carryOut(ctx, s, t, consent{yes: yes}))
}

// before gives the number of the generation in which something else was asked for than in the last one: those that only put things back
// asked for the same.
func before(list []ledger.Generation, last int) int {
	for _, g := range slices.Backward(list) {
		if g.Number == last && g.Healed {
			last--
		}
	}
	return last - 1
}

// wayBack is the road from what is remembered of a generation to a plan.
func (c *command) wayBack(ctx context.Context, s *site, target, last ledger.Generation) (trip, error) {
	t := trip{source: target.Source, rollback: target.Number, services: target.Services.Or(s.ledger.Services)}
	t.source.History = last.History
	survey := &survey{site: s, live: map[string]plan.Live{}}
	if err := survey.readOwned(); err != nil {
		return t, err
	}
	var kept []render.Resource
	for _, k := range target.Kept {
		kept = append(kept, render.Resource{ID: k.ID})
	}
	have, err := survey.have(kept)
	if err != nil {
		return t, err
	}
	t.services.Cluster = s.ledger.Services.Cluster // as what is ours there was last made
	if t.reach, err = c.reach(ctx, s, t.services, &spec.Spec{}); err != nil {
		return t, err
	}
	open, then := sight{owned: s.owned}, render.Desired{Resources: kept}
	if err := c.lookAtCluster(ctx, t.reach, &then, have, &open, ""); err != nil {
		return t, err
	}
	target.Keep(then.Resources)
	back := target.Back(have, open.owned, s.ledger.Content, s.ledger.Digest)
	t.plan, err = plan.New(back.Want, have, back.Owned, plan.Policy{
		Adopt: target.Adopt, AdoptFrom: target.AdoptFrom, Owner: t.services.Cluster.Owner, Source: "the file", Leaving: fmt.Sprintf("not in generation %d", target.Number),
		Digest: s.ledger.Digest, Made: s.ledger.Made,
	})
	if err != nil {
		return t, err
	}
	t.plan.Conflicts = append(t.plan.Conflicts, back.Held...)
	for _, h := range then.Held {
		t.plan.Conflicts = append(t.plan.Conflicts, conflict(h))
	}
	t.plan.Waiting, t.plan.Left, t.plan.Elsewhere = open.waiting, open.left, open.elsewhere
	if now := imagesNow(s.owned); !maps.Equal(now, target.Images()) {
		t.plan.Warnings = append(t.plan.Warnings, &spec.Problem{
			Message: fmt.Sprintf("the images of generation %d were others: they stay as they are now", target.Number),
			Hint:    "images come and go with regsync apply only",
		})
	}
	services := c.services(s.root, t.services)
	if err := judgeBack(survey, &t, back.Want, majors(services.version(ctx))); err != nil {
		return t, err
	}
	return t, judgeDocker(ctx, &t, services)
}

// imagesNow gives the digests of the images that are ours.
func imagesNow(owned map[render.ID]plan.Owned) map[render.ID]string {
	images := map[render.ID]string{}
	for id, o := range owned {
		if o.Image != nil {
			images[id] = o.Image.Target.Digest
		}
	}
	return images
}
