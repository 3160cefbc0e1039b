package view

import (
	"encoding/json"
	"io"

	"github.com/regsync/regsync/internal/probe"
)

// roadJSON is the form of a road that programs read.
type roadJSON struct {
	FormatVersion string             `json:"formatVersion"`
	Image         string             `json:"image"`
	Runtime       string             `json:"runtime"`
	Directory     string             `json:"directory"`
	File          string             `json:"file"`
	PassedOver    []passedJSON       `json:"passedOver"`
	Endpoints     []roadEndpointJSON `json:"endpoints"`
	ResolvedBy    string             `json:"resolvedBy"`
	ServedBy      string             `json:"servedBy"`
	LayersBy      string             `json:"layersBy,omitempty"`
	Containerd    string             `json:"containerd"`
	Notes         []string           `json:"notes"`
	Error         string             `json:"error"`
	Verdict       string             `json:"verdict"`
}

type passedJSON struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

type roadEndpointJSON struct {
	URL          string      `json:"url"`
	Capabilities []string    `json:"capabilities"`
	TLS          string      `json:"tls"`
	Credentials  string      `json:"credentials"`
	Headers      []string    `json:"headers,omitempty"`
	Upstream     bool        `json:"upstream"`
	Probe        *answerJSON `json:"probe,omitempty"`
}

type answerJSON struct {
	OK         bool   `json:"ok"`
	Status     int    `json:"status"`
	Error      string `json:"error"`
	DurationMs int64  `json:"durationMs"`
}

// RoadJSON writes a road as one JSON document.
func RoadJSON(w io.Writer, r probe.Road) error {
	doc := roadJSON{
		FormatVersion: FormatVersion, Image: r.Image, Runtime: r.Runtime, Directory: r.Directory, File: r.File,
		PassedOver: make([]passedJSON, 0, len(r.PassedOver)), Endpoints: make([]roadEndpointJSON, 0, len(r.Endpoints)),
		ResolvedBy: r.ResolvedBy, ServedBy: r.ServedBy, LayersBy: r.LayersBy, Notes: append([]string{}, r.Notes...), Error: r.Error, Verdict: r.Verdict,
	}
	if r.Runtime != "docker" {
		doc.Containerd = r.Version
	}
	for _, p := range r.PassedOver {
		doc.PassedOver = append(doc.PassedOver, passedJSON(p))
	}
	for _, e := range r.Endpoints {
		out := roadEndpointJSON{
			URL: e.URL, Capabilities: append([]string{}, e.Capabilities...), TLS: e.TLS, Credentials: e.Credentials, Headers: e.Headers, Upstream: e.Upstream,
		}
		if a := e.Probe; a != nil {
			out.Probe = &answerJSON{OK: a.OK, Status: a.Status, Error: a.Error, DurationMs: a.Took.Milliseconds()}
		}
		doc.Endpoints = append(doc.Endpoints, out)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
