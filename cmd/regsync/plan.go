package main

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/spec"
)

func (c *command) planVerb() *cobra.Command {
	var out string
	var detailed, probed bool
	verb := &cobra.Command{
		Use:   "plan",
		Short: "Show how the node differs from the file",
		Long: `plan compares the file with the node and shows what apply would do, and why. It changes nothing.

  + made   ~ changed   - removed   = taken over   . left alone from now on`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.plan(cmd.Context(), out, detailed, probed) },
	}
	verb.Flags().StringVar(&out, "out", "", "save the plan in `FILE`, for apply FILE")
	verb.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 if there is something to do")
	verb.Flags().BoolVar(&probed, "probe", false, "ask new and changed endpoints first, as containerd will")
	return verb
}

func (c *command) plan(ctx context.Context, out string, detailed, probed bool) (err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	s, err := c.open(ctx, out != "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t, err := c.travel(ctx, s)
	if err == nil {
		err = c.askAhead(ctx, s, &t, probed)
	}
	if err != nil {
		return err
	}
	for _, p := range objections(s, t, consent{}) {
		t.plan.Warnings = append(t.plan.Warnings, &spec.Problem{Message: "apply will refuse: " + p.Message, Hint: p.Hint})
	}
	if err := c.show(t); err != nil {
		return err
	}
	if out != "" {
		if err := c.save(out, s, t); err != nil {
			return err
		}
	}
	// A runtime that is not there yet is no change: nobody knows what it will need.
	waits := slices.ContainsFunc(t.plan.Waiting, func(what string) bool { return what != t.place.Waiting })
	if detailed && (!t.plan.Empty() || len(t.plan.Conflicts) > 0 || waits) {
		return codeError(exitPending)
	}
	return nil
}

// show shows a plan, and the warnings beside it.
func (c *command) show(t trip) error {
	if c.output == "json" {
		p := t.plan
		p.Warnings = append(t.warnings, p.Warnings...)
		return view.PlanJSON(c.out, p)
	}
	view.Warnings(c.err, c.colorErr, t.warnings)
	view.Warnings(c.err, c.colorErr, t.plan.Warnings)
	c.text().Plan(t.plan)
	return nil
}

func (c *command) text() view.Text {
	return view.Text{W: c.out, Color: c.color, All: c.verbose}
}

// conflicted gives the error of a plan that may not be applied, if it is one: every conflict that is in it.
func conflicted(p plan.Plan) error {
	var errs *multierror.Error
	for _, x := range p.Conflicts {
		if !x.Bars() {
			continue
		}
		errs = multierror.Append(errs, &spec.Problem{
			Position: spec.Position{File: x.Name}, Message: "conflict: " + x.Reason, Hint: x.Hint,
		})
	}
	return errs.ErrorOrNil()
}
