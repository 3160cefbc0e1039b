package view

import (
	"io"
	"time"

	"github.com/regsync/regsync/internal/probe"
)

// verificationJSON is the form of a verification that programs read.
type verificationJSON struct {
	FormatVersion string         `json:"formatVersion"`
	OK            bool           `json:"ok"`
	CRI           *programJSON   `json:"cri"`    // null: there is none to be asked
	Docker        *programJSON   `json:"docker"` // null: it is not looked after
	Endpoints     []askedJSON    `json:"endpoints"`
	Images        []testPullJSON `json:"images"`
	Notes         []string       `json:"notes,omitempty"`
	Left          []string       `json:"left,omitempty"`
}

type programJSON struct {
	OK      bool   `json:"ok"`
	Running bool   `json:"running"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Error   string `json:"error"`
}

type askedJSON struct {
	Registry    string          `json:"registry"`
	URL         string          `json:"url"`
	Role        string          `json:"role"`
	OK          bool            `json:"ok"`
	Status      int             `json:"status"`
	TLS         tlsJSON         `json:"tls"`
	Credentials credentialsJSON `json:"credentials"`
	Redirect    string          `json:"redirect,omitempty"`
	Error       string          `json:"error"`
	DurationMs  int64           `json:"durationMs"`
}

type tlsJSON struct {
	Mode      probe.TLSMode `json:"mode"`
	Authority string        `json:"authority,omitempty"`
	Expires   *time.Time    `json:"expires,omitempty"`
}

type credentialsJSON struct {
	Name  string           `json:"name"`
	State probe.LoginState `json:"state"`
	Token string           `json:"token,omitempty"`
}

type testPullJSON struct {
	Image      string   `json:"image"`
	OK         bool     `json:"ok"`
	Error      string   `json:"error"`
	Found      bool     `json:"found"`
	Removed    bool     `json:"removed"`
	UsedBy     []string `json:"usedBy,omitempty"`
	DurationMs int64    `json:"durationMs"`
}

// VerificationJSON writes a verification as one JSON document.
func VerificationJSON(w io.Writer, v Verification) error {
	doc := verificationJSON{
		FormatVersion: FormatVersion, OK: len(v.Failures()) == 0, CRI: v.CRI.json(), Docker: v.Docker.json(),
		Endpoints: make([]askedJSON, 0, len(v.Endpoints)), Images: make([]testPullJSON, 0, len(v.Images)), Notes: v.Notes, Left: v.Left,
	}
	for _, a := range v.Endpoints {
		doc.Endpoints = append(doc.Endpoints, askedOf(a))
	}
	for _, i := range v.Images {
		doc.Images = append(doc.Images, testPullJSON{
			Image: i.Image, OK: i.Error == "", Error: i.Error, Found: i.Found, Removed: i.Removed, UsedBy: i.Users, DurationMs: i.Took.Milliseconds(),
		})
	}
	return encode(w, doc)
}

func (p *Program) json() *programJSON {
	if p == nil {
		return nil
	}
	return &programJSON{OK: p.Error == "", Running: p.Running, Name: p.Name, Version: p.Version, Error: p.Error}
}

func askedOf(a probe.Asked) askedJSON {
	c := a.Contact
	out := askedJSON{
		Registry: a.Registry, URL: a.URL, Role: a.Role(), OK: c.OK, Status: c.Status, TLS: tlsJSON{Mode: c.TLS.Mode, Authority: c.TLS.Authority},
		Credentials: credentialsJSON{a.Credential, c.Credentials.State, c.Credentials.Token},
		Redirect:    c.Redirect, Error: c.Error, DurationMs: c.Took.Milliseconds(),
	}
	if !c.TLS.Expires.IsZero() {
		expires := c.TLS.Expires.UTC()
		out.TLS.Expires = &expires
	}
	return out
}
