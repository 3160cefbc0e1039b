package view

import (
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/spec"
)

// Error writes an error, or each of several, with the hints that they carry.
func Error(w io.Writer, color bool, err error) {
	each(err, func(err error) { say(w, color, red, "error", err) })
}

// Warnings writes things that the user should know.
func Warnings(w io.Writer, color bool, list []*spec.Problem) {
	for _, p := range list {
		say(w, color, yellow, "warning", p)
	}
}

func say(w io.Writer, color bool, attribute int, what string, err error) {
	c := painter(color)
	fmt.Fprintf(w, "regsync: %s %s\n", c(attribute, what+":"), err)
	if p := (*spec.Problem)(nil); errors.As(err, &p) && p.Hint != "" {
		Hint(w, color, p.Hint)
	}
}

// Hint writes what to do about the last error or warning.
func Hint(w io.Writer, color bool, hint string) {
	if hint == "" {
		return
	}
	fmt.Fprintf(w, "regsync: %s %s\n", painter(color)(cyan, "hint:"), hint)
}

// each calls f for every error that err consists of.
func each(err error, f func(error)) {
	var many *multierror.Error
	if errors.As(err, &many) {
		for _, e := range many.Errors {
			each(e, f)
		}
		return
	}
	f(err)
}

// Warning writes something that the user should know.
func Warning(w io.Writer, color bool, text string) {
	fmt.Fprintf(w, "regsync: %s %s\n", painter(color)(yellow, "warning:"), text)
}
