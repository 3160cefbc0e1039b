package main

import (
	"log/slog"
	"strings"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/view"
)

// warn says what the user should know, and what to do about it, where that is known. A watch writes it to its log.
func (c *command) warn(message, hint string) {
	if c.log != nil {
		c.log.Warn(view.Masked(message), hinting(hint)...)
		return
	}
	view.Warning(c.err, c.colorErr, message)
	view.Hint(c.err, c.colorErr, hint)
}

// complain says what went wrong.
func (c *command) complain(err error, hint string) {
	if c.log != nil {
		c.log.Error(oneLine(err), hinting(hint)...)
		return
	}
	view.Error(c.err, c.colorErr, err)
	view.Hint(c.err, c.colorErr, hint)
}

func hinting(hint string) []any {
	if hint == "" {
		return nil
	}
	return []any{slog.String("hint", hint)}
}

// oneLine gives an error for a log or a status, without secrets.
func oneLine(err error) string {
	return view.Masked(strings.Join(strings.Fields(err.Error()), " "))
}

// note writes what happens during an apply to the log.
func (c *command) note(e apply.Event) {
	switch e.Stage {
	case apply.Wrote, apply.Done:
		c.log.Info(view.Past(e.Change.Action), slog.String("name", e.Change.Name), slog.String("reason", view.Masked(e.Change.Reason)))
	case apply.Running:
		c.log.Info(string(e.Effect.Name), slog.String("reason", e.Effect.Reason))
	case apply.Undoing:
		c.log.Error("putting everything back", slog.String("cause", oneLine(e.Err)))
	case apply.Awaiting:
		c.log.Info("waiting", slog.String("name", e.Change.Name), slog.String("for", e.Note))
	case apply.Ran, apply.Skipped, apply.Moving, apply.Unserved, apply.Failed: // the line before says it, or what the apply leaves open
	}
}
