package view

import (
	"encoding/json"
	"io"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// imageJSON is one line for programs: what became of an image.
type imageJSON struct {
	Event  string      `json:"event"` // always image
	Name   string      `json:"name"`
	Action plan.Action `json:"action"`
	Result string      `json:"result"`          // done or failed
	Bytes  int64       `json:"bytes,omitempty"` // how much content the image consists of
	Error  string      `json:"error,omitempty"`
}

// EventJSON writes one line for an image that is done or failed, and nothing for what else happens.
func EventJSON(w io.Writer, e apply.Event) error {
	if e.Stage != apply.Done && e.Stage != apply.Failed || e.Change.Kind != render.KindImage {
		return nil
	}
	doc := imageJSON{Event: "image", Name: e.Change.Name, Action: e.Change.Action, Result: string(e.Stage)}
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
