package spec_test

import (
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

// sources makes files a.yaml, b.yaml, … with the header before each body.
func sources(bodies ...string) []spec.Source {
	list := make([]spec.Source, len(bodies))
	for i, body := range bodies {
		list[i] = spec.Source{Name: "conf/" + string(rune('a'+i)) + ".yaml", Data: []byte(head + body)}
	}
	return list
}

func TestSeveralFiles(t *testing.T) {
	s, _, err := spec.Load(sources(
		"node: {runtime: none}\nregistries:\n- {host: a.lab, ca: ca.crt}\n",
		"registries:\n- {host: b.lab, ca: /ca.crt}\n- {host: c.lab}\n",
		"insecure: [\"d.lab:5000\"]\n",
	), spec.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	var hosts, at []string
	for _, r := range s.Registries {
		hosts, at = append(hosts, r.Host), append(at, r.Pos.String())
	}
	if got := strings.Join(hosts, " "); got != "a.lab b.lab c.lab" {
		t.Errorf("hosts: %s", got)
	}
	if got := strings.Join(at, " "); got != "conf/a.yaml:5:3 conf/b.yaml:4:3 conf/b.yaml:5:3" {
		t.Errorf("positions: %s", got)
	}
	if s.Registries[0].CA[0] != "conf/ca.crt" || !s.Beside["conf/ca.crt"] || s.Beside["/ca.crt"] {
		t.Errorf("ca: %v, beside: %v", s.Registries[0].CA, s.Beside)
	}
}

// TestSeveralFilesWrong tells problems by the file and the path that the user wrote, not by those of the whole.
func TestSeveralFilesWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		bodies []string
		want   string
	}{
		{
			"same name",
			[]string{"registries: [{host: a.lab}]\n", "registries:\n- host: b.lab\n- host: a.lab\n"},
			`conf/b.yaml:5:9: registries[1].host: "a.lab" stands at conf/a.yaml:3:14 already`,
		},
		{
			"section",
			[]string{"policy: {history: 1}\n", "registries: []\npolicy: {history: 2}\n"},
			"conf/b.yaml:4:1: policy: the section stands in conf/a.yaml:3:1 too",
		},
		{
			"unknown key",
			[]string{"registries: []\n", "registres: []\n"},
			`conf/b.yaml:3:1: registres: unknown key "registres"`,
		},
		{
			"deep",
			[]string{"mirrors: []\n", "mirrors:\n- registry: a.lab\n  endpoints: [https://b.lab, c.lab]\n"},
			"conf/b.yaml:5:30: mirrors[0].endpoints[1]: has no scheme",
		},
		{
			"one cannot be read",
			[]string{"registries: [{host: a.lab}]\n", "registries: [\n"},
			"conf/b.yaml:4:1: not YAML: did not find expected node content",
		},
		{
			"not a list",
			[]string{"registries: [{host: a.lab}]\n", "registries: {}\n"},
			"conf/b.yaml:3:13: registries: wants a list, found a mapping",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := spec.Load(sources(c.bodies...), spec.Facts{})
			if err == nil || err.Error() != c.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, c.want)
			}
		})
	}
}
