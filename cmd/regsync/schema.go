package main

import (
	"github.com/spf13/cobra"

	"github.com/regsync/regsync/schema"
)

func (c *command) schemaVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.out.Write(schema.JSON())
			return err
		},
	}
}
