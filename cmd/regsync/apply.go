package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

var errDeclined = errors.New("nothing was changed")

// consent is what lets an apply go on without asking, or further than it would.
type consent struct {
	yes            bool
	probed         bool // endpoints are asked first
	verified       bool // endpoints and test pulls have to work afterwards
	check          apply.Check
	allowRemovals  bool
	allowEmpty     bool
	allowDowngrade bool
	allowDataLoss  bool
	confirm        time.Duration // how long the files wait to be confirmed; 0: they need not be
}

func (c *command) applyVerb() *cobra.Command {
	var ok consent
	verb := &cobra.Command{
		Use:   "apply [PLANFILE]",
		Short: "Make the node be as the file says",
		Long: `apply shows the plan, asks on a terminal whether to go on, and carries the plan out: all of it, or nothing.
With PLANFILE it carries out a plan that plan --out saved, if the node is still as it was then.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.apply(cmd.Context(), args, ok) },
	}
	f := verb.Flags()
	f.BoolVarP(&ok.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&ok.probed, "probe", false, "ask new and changed endpoints first, as containerd will")
	f.BoolVar(&ok.verified, "verify", false, "put every file back unless all that regsync verify asks works afterwards")
	f.BoolVar(&ok.allowRemovals, "allow-removals", false, "remove more than policy.maxRemovals allows, or a registry's last mirror")
	f.BoolVar(&ok.allowEmpty, "allow-empty", false, "remove everything, if the file asks for nothing")
	f.BoolVar(&ok.allowDowngrade, "allow-downgrade", false, "serve a registry by plain http or unverified TLS that was served over verified TLS")
	f.BoolVar(&ok.allowDataLoss, "allow-data-loss", false, "disable the built-in registry, whose images are deleted with it")
	c.bandwidthFlag(verb)
	f.DurationVar(&ok.confirm, "confirm", 0, "put every file back unless regsync confirm comes within this time")
	return verb
}

func (c *command) apply(ctx context.Context, args []string, ok consent) (err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if err := c.mayConfirm(ctx, ok.confirm); err != nil {
		return err
	}
	s, err := c.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for try := 1; ; try++ {
		err := c.applyOnce(ctx, s, args, ok)
		moved := (*movedError)(nil)
		if try == replans || len(args) > 0 || !errors.As(err, &moved) || ctx.Err() != nil {
			return err
		}
		c.warn(moved.Error()+"; every file is as it was before, and the plan is made again", "")
	}
}

// applyOnce makes a plan, shows it, and carries it out.
func (c *command) applyOnce(ctx context.Context, s *site, args []string, ok consent) error {
	t, err := c.planned(ctx, s, args, ok.probed)
	if err != nil {
		return err
	}
	if ok.verified {
		if ok.check, err = c.checkOf(ctx, s, t); err != nil {
			return err
		}
	}
	if err := c.show(t); err != nil {
		return err
	}
	if err := conflicted(t.plan); err != nil {
		return err
	}
	if err := guard(s, t, ok); err != nil {
		return err
	}
	err = c.carryOut(ctx, s, t, ok)
	if !errors.Is(err, errDeclined) {
		t.reach.hold(ctx)
	}
	return c.noted(s, err)
}

// planned gives the plan that is to be applied: a new one, or the saved one that args names.
func (c *command) planned(ctx context.Context, s *site, args []string, probed bool) (trip, error) {
	switch {
	case len(args) == 0:
		t, err := c.travel(ctx, s)
		if err == nil {
			err = c.askAhead(ctx, s, &t, probed)
		}
		return t, err
	case probed:
		return trip{}, hinted{errors.New("a saved plan is applied as it is; --probe has no meaning beside it"), "regsync plan --probe --out " + args[0]}
	}
	return c.reopen(ctx, args[0], s)
}

// carryOut asks, applies the plan, and says how it went.
func (c *command) carryOut(ctx context.Context, s *site, t trip, ok consent) error {
	waiting := len(t.plan.Waiting)+len(t.plan.Conflicts) > 0
	if t.plan.Empty() {
		if ok.check != nil {
			if err := ok.check(ctx); err != nil {
				return err
			}
		}
		return partly(waiting)
	}
	if !ok.yes && view.IsTerminal(c.in) && !c.agreed() {
		return errDeclined
	}
	progress := view.NewProgress(c.err, view.IsTerminal(c.err) && c.env("TERM") != "dumb", c.colorErr)
	progress.Expect(t.plan.Changes)
	record, result, err := c.carry(ctx, s, t, ok, waiting, func(e apply.Event) { c.tell(progress, e) })
	progress.Close()
	if err != nil {
		return err
	}
	t.plan = c.left(t.plan, result)
	if c.output == "text" {
		fmt.Fprintln(c.out, view.Applied(t.plan))
	}
	if j := s.ledger.Journal; j != nil && j.Confirm != nil {
		if err := record.await(); err != nil { // images may have taken long
			return err
		}
		c.warn(fmt.Sprintf("every file is put back at %s unless it is confirmed; images, secrets and the add-on stay", j.Confirm.Until().Local().Format(time.RFC3339)), "to keep it: regsync confirm")
	}
	return partly(waiting || result.Unrecorded != nil || len(result.Unserved)+len(result.Failed) > 0)
}

// carry applies the plan, and records how it went. An error says what it means for the node; without one the files are done. waiting says that
// not all that is asked for is in the plan.
func (c *command) carry(ctx context.Context, s *site, t trip, ok consent, waiting bool, tell func(apply.Event)) (*record, apply.Result, error) {
	services := c.services(s.root, t.services)
	n := &liveNode{revision: newRevision(s.root), services: services}
	work, err := c.works(ctx, s, t, services)
	if err != nil {
		return nil, apply.Result{}, err
	}
	run := t.plan
	if c.baking() {
		run.Effects = nil // the plan lists them; nothing runs there
	}
	if files, _ := run.Split(); len(files)+len(run.Effects) == 0 {
		ok.confirm = 0 // images are not taken back
	}
	if ok.confirm > 0 {
		if err := c.undoLater(ctx, ok.confirm); err != nil {
			return nil, apply.Result{}, err
		}
	}
	s.ledger.Services = t.services
	record := &record{s.ledger, c.generation(t, waiting), ok.confirm, n.revision}
	result, err := apply.Run(ctx, run, n, work, record, n.standing(ok.check), tell)
	if unfinished := record.finish(result); unfinished != nil {
		c.warn(unfinished.Error(), "")
	}
	return record, result, c.failed(ctx, s, result, err)
}

// failed says what the error of an apply means for the node; nil where its files are done.
func (c *command) failed(ctx context.Context, s *site, result apply.Result, err error) error {
	if failed := (*apply.FailedError)(nil); errors.As(err, &failed) {
		return hinted{err, "every file is as it was before"}
	}
	if undo := (*apply.UndoError)(nil); errors.As(err, &undo) {
		return c.stuck(s, err)
	}
	switch late := len(result.Failed) > 0; {
	case err == nil, late && errors.Is(ctx.Err(), context.DeadlineExceeded): // what was done stays done
		return nil
	case late:
		return hinted{err, "every file is changed and recorded; " + render.Count(len(result.Failed), "other change") + " came too late: regsync apply goes on with it"}
	}
	return err
}

// left tells of what an apply has left open, and gives its plan without that.
func (c *command) left(p plan.Plan, result apply.Result) plan.Plan {
	for _, u := range result.Unserved {
		c.warn(fmt.Sprintf("%s is still to be done: %v", u.Effect.Name, u.Cause), u.Cause.Advice)
	}
	for _, f := range result.Elsewhere {
		fmt.Fprintf(c.err, "%s: not applicable: %v\n", f.Change.Name, f.Err)
		p = p.Without(f.Change.ID)
	}
	for _, f := range result.Failed {
		err := f.Err
		if !strings.Contains(err.Error(), f.Change.Name) {
			err = fmt.Errorf("%s: %w", f.Change.Name, err)
		}
		c.complain(err, hintOfFailure(f.Err))
		p = p.Without(f.Change.ID)
	}
	if result.Unrecorded != nil {
		c.complain(result.Unrecorded, "everything else is done and recorded; regsync apply looks at the images again")
	}
	return p
}

func partly(part bool) error {
	if part {
		return codeError(exitPart)
	}
	return nil
}

// agreed asks on the terminal whether to go on.
func (c *command) agreed() bool {
	fmt.Fprint(c.err, "Apply this plan? [y/N] ")
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}

// tell shows what happens during an apply.
func (c *command) tell(progress *view.Progress, e apply.Event) {
	if c.output == "json" {
		_ = view.EventJSON(c.err, e) // what cannot be told is done all the same
		return
	}
	view.Event(c.err, c.colorErr, e, c.verbose)
	progress.Tell(e)
}
