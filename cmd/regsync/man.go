//go:build man

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Built with the tag man, the program is another one: it writes the manual pages of its verbs to a directory. What that takes is
// not in the program that nodes get.
func init() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: regsync DIR")
		os.Exit(exitError)
	}
	c := &command{streams: streams{out: io.Discard, err: io.Discard}, env: func(string) string { return "" }}
	if err := writeManual(os.Args[1], c.top()); err != nil {
		fmt.Fprintln(os.Stderr, "regsync:", err)
		os.Exit(exitError)
	}
	os.Exit(0)
}

// writeManual writes a page for a command and one for each of its verbs.
func writeManual(dir string, of *cobra.Command) error {
	of.InitDefaultHelpFlag()
	name := strings.ReplaceAll(of.CommandPath(), " ", "-")
	if err := os.WriteFile(filepath.Join(dir, name+".1"), md2man.Render(manual(of, name)), 0o644); err != nil {
		return err
	}
	for _, verb := range of.Commands() {
		if !verb.IsAvailableCommand() {
			continue
		}
		if err := writeManual(dir, verb); err != nil {
			return err
		}
	}
	return nil
}

// manual is the page of a command as md2man reads it.
func manual(of *cobra.Command, name string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%% %q \"1\" \"\" \"regsync\" \"regsync\"\n# NAME\n%s \\- %s\n", strings.ToUpper(name), name, of.Short)
	fmt.Fprintf(&b, "# SYNOPSIS\n**%s**\n# DESCRIPTION\n%s\n", of.UseLine(), prose(of.Long, of.Short))
	if verbs := of.Commands(); len(verbs) > 0 {
		b.WriteString("# COMMANDS\n")
		for _, verb := range verbs {
			if verb.IsAvailableCommand() {
				fmt.Fprintf(&b, "**%s**(1)\n: %s\n\n", name+"-"+verb.Name(), verb.Short)
			}
		}
	}
	options(&b, "OPTIONS", of.NonInheritedFlags())
	options(&b, "OPTIONS OF ALL COMMANDS", of.InheritedFlags())
	b.WriteString("# FILES\n" + defaultFile + "\n: what the node should know; see **regsync.yaml**(5)\n\n" +
		defaultStateDir + "\n: what regsync remembers: what it wrote, and what stood there before\n\n# SEE ALSO\n")
	if of.HasParent() {
		b.WriteString("**regsync**(1), ")
	}
	b.WriteString("**regsync.yaml**(5)\n")
	return []byte(b.String())
}

// prose is the long description of a command. What is indented in it stays as it stands.
func prose(long, short string) string {
	if long == "" {
		return short + "."
	}
	lines := strings.Split(long, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			lines[i] = "    " + line
		}
	}
	return strings.Join(lines, "\n")
}

// options describes flags as a list of entries.
func options(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	b.WriteString("# " + title + "\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		term := "**--" + f.Name + "**"
		if f.Shorthand != "" {
			term = "**-" + f.Shorthand + "**, " + term
		}
		if value != "" {
			term += " *" + value + "*"
		}
		fmt.Fprintf(b, "%s\n: %s\n\n", term, usage)
	})
}
