package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (c *command) completionVerb() *cobra.Command {
	return &cobra.Command{
		Use:       "completion {bash|zsh|fish}",
		Short:     "Print a script that completes regsync's commands and flags",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(c.out, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(c.out)
			case "fish":
				return cmd.Root().GenFishCompletion(c.out, true)
			}
			return fmt.Errorf("%q is no shell that is known: bash, zsh, fish", args[0])
		},
	}
}
