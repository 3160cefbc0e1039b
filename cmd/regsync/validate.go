package main

import (
	"fmt"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/view"
)

func (c *command) validateVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "validate",
		Short: "Check the file alone; no node is needed",
		Long: `validate reads the file and checks everything that can be checked without a node. Certificates that the file
names are checked too where they can be found; where not, that is a warning. Overlays are checked whichever node they are for.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.validate() },
	}
}

func (c *command) validate() error {
	list, err := c.sources()
	if err != nil {
		return err
	}
	var root *node.Root
	if c.mount() != "/" {
		if root, err = node.Open(c.mount()); err != nil {
			return err
		}
		defer root.Close()
	}
	s, warnings, err := c.load(list, root, func() (map[string]string, error) { return nil, nil }, true)
	var errs *multierror.Error
	if err != nil {
		errs = multierror.Append(errs, err)
	} else {
		_, more, err := certificates(s, root, time.Now())
		warnings = append(warnings, more...)
		if err != nil {
			errs = multierror.Append(errs, err)
		}
	}
	if c.output == "json" {
		if err := view.ValidationJSON(c.out, errs.ErrorOrNil(), warnings); err != nil || errs.ErrorOrNil() == nil {
			return err
		}
		return codeError(exitError)
	}
	view.Warnings(c.err, c.colorErr, warnings)
	if err := errs.ErrorOrNil(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.out, "Valid.")
	return err
}
