package view

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/regsync/regsync/spec"
)

// validationJSON is the form of what validate finds.
type validationJSON struct {
	FormatVersion string        `json:"formatVersion"`
	Valid         bool          `json:"valid"`
	Errors        []problemJSON `json:"errors"`
	Warnings      []problemJSON `json:"warnings"`
}

type problemJSON struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// ValidationJSON writes what is wrong with a file as one JSON document.
func ValidationJSON(w io.Writer, err error, warnings []*spec.Problem) error {
	doc := validationJSON{FormatVersion: FormatVersion, Valid: err == nil, Errors: []problemJSON{}, Warnings: []problemJSON{}}
	if err != nil {
		each(err, func(err error) {
			var p *spec.Problem
			if !errors.As(err, &p) {
				p = &spec.Problem{Message: err.Error()}
			}
			doc.Errors = append(doc.Errors, problemOf(p))
		})
	}
	for _, p := range warnings {
		doc.Warnings = append(doc.Warnings, problemOf(p))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

func problemOf(p *spec.Problem) problemJSON {
	return problemJSON{
		File: p.Position.File, Line: p.Position.Line, Column: p.Position.Col,
		Path: p.Path, Message: p.Message, Hint: p.Hint,
	}
}
