package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
)

func (c *command) historyVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "history [N]",
		Short: "Show what was applied when, or what one apply changed",
		Long: `history lists the generations: every apply that came to its end left one, and policy.history of them are kept.
With N it shows what generation N changed. Secrets are in no generation and are not shown.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.history(cmd.Context(), args) },
	}
}

func (c *command) history(ctx context.Context, args []string) (err error) {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	kept, err := s.ledger.Generations()
	if err != nil {
		return err
	}
	list := make([]plan.Generation, 0, len(kept))
	for _, g := range kept {
		list = append(list, g.Generation)
	}
	if len(args) == 0 {
		if c.output == "json" {
			return view.HistoryJSON(c.out, list)
		}
		c.text().History(list)
		return nil
	}
	g, err := generation(kept, args[0])
	if err != nil {
		return err
	}
	var before *plan.Generation
	if i := slices.IndexFunc(list, func(x plan.Generation) bool { return x.Number == g.Number-1 }); i >= 0 {
		before = &list[i]
	}
	changes := g.Since(before, s.ledger.Content)
	if c.output == "json" {
		return view.GenerationJSON(c.out, g.Generation, changes)
	}
	c.text().Generation(g.Generation, changes)
	return nil
}

// generation finds a generation by its number. It must be sound.
func generation(list []ledger.Generation, number string) (ledger.Generation, error) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return ledger.Generation{}, hinted{fmt.Errorf("%q is no generation: it is a number", number), "regsync history lists them"}
	}
	i := slices.IndexFunc(list, func(g ledger.Generation) bool { return g.Number == n })
	switch {
	case i < 0:
		return ledger.Generation{}, hinted{fmt.Errorf("generation %d is not kept", n), "regsync history lists those that are"}
	case list[i].Damage != "":
		return ledger.Generation{}, hinted{fmt.Errorf("generation %d is damaged: %s", n, list[i].Damage), "regsync history lists those that are sound"}
	}
	return list[i], nil
}
