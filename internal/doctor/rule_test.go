package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
)

// The built-in registry does not answer: what the cluster says decides which rule speaks, and what it says.
func TestAddOn(t *testing.T) {
	refused := Contact{Greeting: probe.Greeting{URL: "http://localhost:32000/v2", Failure: probe.NobodyListens}, Place: Place{"hosts.toml", 3}}
	answers := refused
	answers.Failure, answers.Status = "", 200
	stock := refused
	stock.Stock = true
	for _, test := range []struct {
		name     string
		contact  Contact
		addOn    *AddOn
		rule     string
		severity Severity
		says     string
	}{
		{"nobody could be asked", refused, nil, "endpoint-refused", Error, "refuses the connection"},
		{"not enabled", refused, &AddOn{}, "registry-add-on", Error, "is not enabled"},
		{"not enabled, and named by MicroK8s only", stock, &AddOn{}, "registry-add-on", Info, "is not enabled"},
		{"a claim that waits", refused, &AddOn{Enabled: true, Faults: []string{"the claim registry-claim is Pending"}}, "registry-add-on", Error, "is Pending"},
		{"all is well in the cluster", refused, &AddOn{Enabled: true}, "endpoint-refused", Error, "refuses the connection"},
		{"it answers", answers, &AddOn{}, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Examine(Facts{Runtime: render.MicroK8s, Contacts: []Contact{test.contact}, AddOn: test.addOn})
			if test.rule == "" {
				if len(got) > 0 {
					t.Errorf("found %+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Rule != test.rule || got[0].Severity != test.severity || !strings.Contains(got[0].Cause, test.says) || got[0].Line != 3 {
				t.Errorf("found %+v, want %s, %s, %q", got, test.rule, test.severity, test.says)
			}
		})
	}
}

// The worst comes first, and what two rules' looks have in common is said once.
func TestOrder(t *testing.T) {
	dirs := []Directory{
		{Path: "/c/b.lab", Name: "b.lab", Hosts: File{Path: "/c/b.lab/hosts.toml", Data: []byte("[host.\"m.lab\"]\n[host.\"http-x\"]\n")}},
		{Path: "/c/a.lab", Name: "a.lab", Hosts: File{Path: "/c/a.lab/hosts.toml", Data: []byte("server = \"https://docker.io\"\n[host.\"n.lab\"]\ncapabilites = []\n")}},
	}
	var got []string
	for _, f := range Examine(Facts{Directories: dirs, Now: time.Now()}) {
		got = append(got, f.Rule)
	}
	want := []string{"hosts-toml-unaskable-host", "hosts-toml-host-without-scheme", "hosts-toml-unknown-key", "hosts-toml-host-without-scheme", "hosts-toml-docker-io"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// A last resort that is down is no error where a mirror of the same file answers.
func TestMild(t *testing.T) {
	place := Place{"hosts.toml", 1}
	down := Contact{Greeting: probe.Greeting{URL: "https://up.lab/v2", Failure: probe.NoAnswer, Error: "no route to host"}, Place: place, Upstream: true}
	mirror := Contact{Greeting: probe.Greeting{URL: "http://m.lab/v2", Status: 200}, Place: place}
	if got := Examine(Facts{Contacts: []Contact{mirror, down}}); len(got) != 1 || got[0].Severity != Info {
		t.Errorf("with a mirror that answers: %+v", got)
	}
	mirror.Status = 502
	if got := Examine(Facts{Contacts: []Contact{mirror, down}}); len(got) != 2 || got[0].Severity != Error {
		t.Errorf("without one: %+v", got)
	}
}

func TestShown(t *testing.T) {
	for name, want := range map[string]string{
		"https://robot:s3cret@m.lab/x?token=s3cret#f": "https://m.lab/x",
		"http://m.lab:5000/v2":                        "http://m.lab:5000/v2",
		"m.lab:5000":                                  "m.lab:5000",
		"https://robot:s3%cret@m.lab":                 "…@m.lab",
	} {
		if got := shown(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}

// FuzzHostsTOML: no file brings the rules down, and none makes them tell a credential.
func FuzzHostsTOML(f *testing.F) {
	for _, seed := range []string{
		"", "server = \"https://docker.io\"\n[host]\n", "[[host.\"http://a\"]]\n[[host.\"http://b\"]]\n", "host = {\"http://a\" = {}, b = {c = {d = 1}}}",
		"[host.\"https://m\".header]\nAuthorization = [\"Basic x\"]\n", "host.\"https://m\".skip_verify = true\r", "\ufeff[host.\"“\"]\nclient = [[\"a\"], \"b\"]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := Directory{Path: "/c/r.lab", Name: "r.lab", Hosts: File{Path: "/c/r.lab/hosts.toml", Data: append(data, "\n[host.\"https://x.lab\".header]\nAuthorization = \"s3cret\"\n"...)}}
		facts := Facts{Directories: []Directory{d}, Wanted: NamedIn([]Directory{d})}
		facts.Config = ContainerdConfig{File: File{Path: "config.toml", Data: data}}
		CertificateFiles(d)
		for _, finding := range Examine(facts) {
			if strings.Contains(finding.Cause, "s3cret") {
				t.Errorf("told: %+v", finding)
			}
		}
	})
}
