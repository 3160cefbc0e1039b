package view

import (
	"encoding/json"
	"io"
	"time"

	"github.com/regsync/regsync/plan"
)

// WatchEvent is what a watch has done when it woke once.
type WatchEvent struct {
	Event   string // converged: the node is as the file says; changed: not all of it is
	Trigger string // what woke it
	Changes []plan.Change
	Effects []plan.Effect
	Took    time.Duration
}

// WatchJSON writes an event as one line.
func WatchJSON(w io.Writer, e WatchEvent) error {
	line := struct {
		FormatVersion string       `json:"formatVersion"`
		Event         string       `json:"event"`
		Trigger       string       `json:"trigger"`
		Changes       []changeJSON `json:"changes"`
		Effects       []effectJSON `json:"effects"`
		DurationMS    int64        `json:"durationMs"`
	}{FormatVersion, e.Event, e.Trigger, changesJSON(e.Changes), effectsJSON(e.Effects), e.Took.Milliseconds()}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(line)
}
