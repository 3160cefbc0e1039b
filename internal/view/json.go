package view

import (
	"encoding/json"
	"io"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// FormatVersion is the version of every JSON document that is written.
const FormatVersion = "1"

// planJSON is the form of a plan that programs read.
type planJSON struct {
	FormatVersion string         `json:"formatVersion"`
	Changes       []changeJSON   `json:"changes"`
	Effects       []effectJSON   `json:"effects"`
	Conflicts     []conflictJSON `json:"conflicts"`
	Warnings      []string       `json:"warnings"`
	Waiting       []string       `json:"waiting,omitempty"`
	NotApplicable []string       `json:"notApplicable,omitempty"`
	Summary       summaryJSON    `json:"summary"`
}

type changeJSON struct {
	Kind      render.Kind   `json:"kind"`
	Name      string        `json:"name"`
	Node      string        `json:"node,omitempty"`
	Action    plan.Action   `json:"action"`
	Reason    string        `json:"reason"`
	Effect    render.Effect `json:"effect"`
	Diff      string        `json:"diff"`
	Sensitive bool          `json:"sensitive"`
	Drift     bool          `json:"drift,omitempty"`
}

type effectJSON struct {
	Name     render.Effect `json:"name"`
	Target   string        `json:"target"`
	Reason   string        `json:"reason"`
	Disturbs string        `json:"disturbs,omitempty"`
	Pending  bool          `json:"pending,omitempty"`
}

type conflictJSON struct {
	Kind   render.Kind `json:"kind"`
	Name   string      `json:"name"`
	Reason string      `json:"reason"`
}

type summaryJSON struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Delete    int `json:"delete"`
	Adopt     int `json:"adopt"`
	Forget    int `json:"forget"`
	Unchanged int `json:"unchanged"`
}

// PlanJSON writes a plan as one JSON document.
func PlanJSON(w io.Writer, p plan.Plan) error {
	doc := planJSON{
		FormatVersion: FormatVersion,
		Changes:       changesJSON(p.Changes),
		Effects:       effectsJSON(p.Effects),
		Conflicts:     make([]conflictJSON, 0, len(p.Conflicts)),
		Warnings:      make([]string, 0, len(p.Warnings)),
		Waiting:       p.Waiting,
		NotApplicable: p.Elsewhere,
		Summary: summaryJSON{
			Create: p.Count(plan.Create), Update: p.Count(plan.Update), Delete: p.Count(plan.Delete),
			Adopt: p.Count(plan.Adopt), Forget: p.Count(plan.Forget), Unchanged: p.Unchanged,
		},
	}
	for _, c := range p.Conflicts {
		doc.Conflicts = append(doc.Conflicts, conflictJSON{Kind: c.Kind, Name: c.Name, Reason: c.Reason})
	}
	for _, x := range p.Warnings {
		doc.Warnings = append(doc.Warnings, sentence(x))
	}
	return encode(w, doc)
}

func changesJSON(changes []plan.Change) []changeJSON {
	list := make([]changeJSON, 0, len(changes))
	for _, c := range changes {
		list = append(list, changeJSON{
			Kind: c.Kind, Name: c.Name, Node: c.Node, Action: c.Action, Reason: c.Reason, Effect: c.Effect,
			Diff: Diff(c), Sensitive: c.Sensitive, Drift: c.Drift,
		})
	}
	return list
}

func effectsJSON(effects []plan.Effect) []effectJSON {
	list := make([]effectJSON, 0, len(effects))
	for _, e := range effects {
		list = append(list, effectJSON{Name: e.Name, Target: e.Target(), Reason: e.Reason, Disturbs: e.Disturbs, Pending: e.Pending})
	}
	return list
}

// encode writes one JSON document.
func encode(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// sentence gives a problem and its hint in one line.
func sentence(p *spec.Problem) string {
	if p.Hint == "" {
		return p.Error()
	}
	return p.Error() + " (" + p.Hint + ")"
}
