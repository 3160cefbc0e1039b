package view_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/internal/view"
)

// seen is a verification with one of each kind.
func seen() view.Verification {
	mirror := &probe.Contact{OK: true, Status: 200, TLS: probe.TLS{Mode: probe.Plain}, Credentials: probe.Credentials{State: probe.NotNeeded}, Took: 1234 * time.Microsecond}
	day := time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)
	contact := func(mode probe.TLSMode, state probe.LoginState) *probe.Contact {
		return &probe.Contact{
			OK: true, Status: 200, TLS: probe.TLS{Mode: mode, Authority: "corp", Expires: day}, Credentials: probe.Credentials{State: state, Token: "https://auth/token"},
			Took: 2 * time.Millisecond,
		}
	}
	v := view.Verification{
		CRI:    &view.Program{Running: true, Name: "containerd", Version: "2.2.9"},
		Docker: &view.Program{},
		Endpoints: []probe.Asked{
			{Registry: "a.lab", URL: "https://a.lab/v2", Credential: "corp", Contact: contact(probe.Verified, probe.Accepted)},
			{Registry: "b.lab", URL: "https://b.lab/v2", Contact: contact(probe.NotVerified, probe.Wanted)},
			{Registry: "c.lab", URL: "https://c.lab/v2", Credential: "corp", Contact: contact(probe.Verified, probe.NotSent)},
		},
		Images: []view.TestPull{
			{Image: "a.lab/app:1", Removed: true, Took: time.Second},
			{Image: "a.lab/app:2", Found: true, Took: time.Second},
			{Image: "a.lab/app:3", Users: []string{"default/web"}, Took: time.Second},
		},
		Notes: []string{"a note"}, Left: []string{"1 test pull"},
	}
	for _, registry := range []string{"docker.io", "ghcr.io", "k.lab", "l.lab", "m.lab"} {
		v.Endpoints = append(v.Endpoints, probe.Asked{Registry: registry, URL: "http://m.lab/v2", Mirror: true, Contact: mirror})
	}
	return v
}

func TestVerification(t *testing.T) {
	v := seen()
	var out bytes.Buffer
	view.Text{W: &out}.Verification(v)
	const well = `  ok  cri       containerd 2.2.9
  ok  docker    does not run
  ok  registry  https://a.lab/v2  of a.lab                                verified by corp, until 2027-03-04 · credential corp accepted, tokens from https://auth/token · 2ms
  ok  registry  https://b.lab/v2  of b.lab                                not verified, until 2027-03-04 · wants a credential and has none, tokens from https://auth/token · 2ms
  ok  registry  https://c.lab/v2  of c.lab                                verified by corp, until 2027-03-04 · credential corp not sent, tokens from https://auth/token · 2ms
  ok  mirror    http://m.lab/v2  of docker.io, ghcr.io, k.lab and 2 more  plain http · no credential needed · 1ms
  ok  image     a.lab/app:1                                               pulled, and removed again · 1s
  ok  image     a.lab/app:2                                               pulled; it was there before · 1s
  ok  image     a.lab/app:3                                               pulled; it stays, for default/web uses it · 1s
Note: a note
Left to the running node: 1 test pull
Well: 4 of 4 endpoints work; 3 of 3 images could be pulled.
`
	if out.String() != well {
		t.Errorf("got\n%s\nwant\n%s", &out, well)
	}

	v.CRI.Error, v.Docker.Error, v.Images[0].Error = "the CRI does not answer", "daemon.json is not what it has loaded", "pulling a.lab/app:1: no"
	v.Endpoints[0].Contact = &probe.Contact{Error: "refused\x1b[2J", Credentials: probe.Credentials{State: probe.LoginUnknown}}
	v.Endpoints[3].Contact.OK, v.Endpoints[3].Contact.Error = false, "it answers with 503"
	want := []string{
		"the CRI does not answer", "daemon.json is not what it has loaded", "registry https://a.lab/v2 of a.lab: refused\x1b[2J",
		"mirror http://m.lab/v2 of docker.io, ghcr.io, k.lab and 2 more: it answers with 503", "pulling a.lab/app:1: no",
	}
	if got := v.Failures(); !slices.Equal(got, want) {
		t.Errorf("failures: %q", got)
	}
	out.Reset()
	view.Text{W: &out, Color: true}.Verification(v)
	if s := out.String(); strings.Contains(s, "refused\x1b[2J") || !strings.Contains(s, "\x1b[31mNot well:\x1b[0m 2 of 4 endpoints work; 2 of 3 images could be pulled.") {
		t.Errorf("failures show as %q", s)
	}
}

func TestVerificationJSON(t *testing.T) {
	var out bytes.Buffer
	if err := view.VerificationJSON(&out, seen()); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		FormatVersion string
		OK            bool
		Endpoints     []struct {
			Registry, URL, Role string
			OK                  bool
			TLS                 struct {
				Mode, Authority string
				Expires         *time.Time
			}
			Credentials struct{ Name, State, Token string }
		}
		Images []struct {
			Found, Removed bool
			UsedBy         []string
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	e := doc.Endpoints[0]
	if doc.FormatVersion != "1" || !doc.OK || len(doc.Endpoints) != 8 || e.TLS.Expires == nil || e.TLS.Mode != "verified" || e.Credentials.State != "accepted" || e.Credentials.Name != "corp" {
		t.Errorf("%+v", doc)
	}
	if m := doc.Endpoints[7]; m.Registry != "m.lab" || m.Role != "mirror" || m.TLS.Mode != "none" || m.TLS.Expires != nil || !doc.Images[1].Found || doc.Images[2].UsedBy[0] != "default/web" {
		t.Errorf("%+v", doc)
	}
	out.Reset()
	if err := view.VerificationJSON(&out, view.Verification{}); err != nil || !strings.Contains(out.String(), `"cri": null`) || !strings.Contains(out.String(), `"endpoints": []`) {
		t.Errorf("of nothing: %s, %v", &out, err)
	}
}
