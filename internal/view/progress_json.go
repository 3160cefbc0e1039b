package view

import (
	"encoding/json"
	"io"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
)

// eventJSON is one line for programs: what became of an image, a secret or a service account.
type eventJSON struct {
	Event  string      `json:"event"` // its kind
	Name   string      `json:"name"`
	Action plan.Action `json:"action"`
	Result string      `json:"result"`          // done or failed
	Bytes  int64       `json:"bytes,omitempty"` // of an image: how much content it consists of
	Error  string      `json:"error,omitempty"`
}

// EventJSON writes one line for a change that stands for itself and is done or failed, and nothing for what else happens.
func EventJSON(w io.Writer, e apply.Event) error {
	if e.Stage != apply.Done && e.Stage != apply.Failed {
		return nil
	}
	doc := eventJSON{Event: string(e.Change.Kind), Name: e.Change.Name, Action: e.Change.Action, Result: string(e.Stage)}
	if e.Change.Image != nil {
		doc.Bytes = e.Change.Image.Bytes()
	}
	if e.Err != nil {
		doc.Error = e.Err.Error()
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
