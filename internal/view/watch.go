package view

import (
	"encoding/json"
	"io"
	"time"

	"github.com/regsync/regsync/plan"
)

// Pending is something that is not as it should be, and stays so for now.
type Pending struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
	Why  string `json:"why"`
}

// WatchEvent is what a watch has done when it woke once.
type WatchEvent struct {
	Event   string // converged: the node is as the file says; changed: not all of it is
	Trigger string // what woke it
	Changes []plan.Change
	Effects []plan.Effect
	Pending []Pending
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
		Pending       []Pending    `json:"pending,omitempty"`
		DurationMS    int64        `json:"durationMs"`
	}{FormatVersion, e.Event, e.Trigger, changesJSON(e.Changes), effectsJSON(e.Effects), e.Pending, e.Took.Milliseconds()}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(line)
}
