package view_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/internal/view"
)

func TestRoad(t *testing.T) {
	road := probe.Road{
		Image: "reg.lab/app:1", Runtime: "containerd", Version: "2.2.9", Directory: "/certs.d/reg.lab", File: "/certs.d/reg.lab/hosts.toml",
		PassedOver: []probe.Passed{{Path: "/certs.d/_default", Why: "hidden by /certs.d/reg.lab"}}, Probed: true,
		Endpoints: []probe.Endpoint{
			{URL: "http://m.lab/v2", Capabilities: []string{"pull"}, TLS: "plain http", Credentials: "none", Probe: &probe.Answer{Error: "connection refused"}},
			{URL: "https://reg.lab/v2", Capabilities: []string{"pull", "resolve"}, TLS: "verified", Credentials: "Authorization header", Upstream: true, Probe: &probe.Answer{OK: true, Status: 200, Took: 3 * time.Millisecond}},
			{URL: "https://reg.lab/v2", Capabilities: []string{"pull", "resolve"}, TLS: "verified", Credentials: "none", Headers: []string{"X-Site"}},
		},
		Notes: []string{"a note"}, ResolvedBy: "https://reg.lab/v2", ServedBy: "https://reg.lab/v2", LayersBy: "https://reg.lab/v2",
		Verdict: "served by the upstream",
	}
	var plain, colored bytes.Buffer
	view.Text{W: &plain}.Road(road)
	const want = `reg.lab/app:1  pulled by containerd 2.2.9
├─ directory  /certs.d/reg.lab
├─ passed     /certs.d/_default: hidden by /certs.d/reg.lab
├─ file       /certs.d/reg.lab/hosts.toml
├─ asks 1     http://m.lab/v2
│             pull · plain http
│             connection refused
├─ asks 2     https://reg.lab/v2  upstream
│             pull, resolve · verified · Authorization header
│             has it (200, 3ms): resolves, serves the manifest, serves the layers
├─ asks 3     https://reg.lab/v2
│             pull, resolve · verified · headers X-Site
└─ note       a note

Served by the upstream.
`
	if plain.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &plain, want)
	}
	view.Text{W: &colored, Color: true}.Road(road)
	if s := colored.String(); !strings.Contains(s, "\x1b[32mServed by the upstream.\x1b[0m") || !strings.Contains(s, "\x1b[31mconnection refused\x1b[0m") {
		t.Errorf("colours: %q", s)
	}
	road.Error, road.Verdict = "it fails", "every pull fails"
	colored.Reset()
	view.Text{W: &colored, Color: true}.Road(road)
	if !strings.Contains(colored.String(), "\x1b[31mEvery pull fails.\x1b[0m") {
		t.Errorf("a failure: %q", &colored)
	}
}
