package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/spec"
)

func TestCredentialUses(t *testing.T) {
	s, _, err := load(t, `registries:
- {host: a.lab}
- {host: b.lab, credentials: one}
- {host: c.lab, credentials: two, server: "https://10.0.0.9:8443/v2/x"}
- {host: d.lab, credentials: two, server: "https://d.lab"}
mirrors:
- registry: docker.io
  endpoints: [https://m.lab, {url: https://n.lab:444/v2/hub, credentials: one}]
credentials:
- {name: one, username: u, password: {env: A}}
- {name: two, dockerConfig: /root/.docker/config.json}
- {name: idle, registries: [z.lab], helper: x}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []spec.CredentialUse{
		{Credential: "one", Servers: []string{"b.lab"}, Path: "registries[1].credentials", Position: s.Registries[1].Pos},
		{Credential: "two", Servers: []string{"c.lab", "10.0.0.9:8443"}, Path: "registries[2].credentials", Position: s.Registries[2].Pos},
		{Credential: "two", Servers: []string{"d.lab"}, Path: "registries[3].credentials", Position: s.Registries[3].Pos},
		{Credential: "one", Servers: []string{"n.lab:444"}, Path: "mirrors[0].endpoints[1].credentials", Position: s.Mirrors[0].Endpoints[1].Pos},
	}
	if diff := cmp.Diff(want, s.CredentialUses()); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
	if cr, i := s.Credential("two"); i != 1 || cr.DockerConfig == "" {
		t.Errorf("two is %+v at %d", cr, i)
	}
	if cr, i := s.Credential("three"); i != -1 || cr != nil {
		t.Errorf("three is %+v at %d", cr, i)
	}
}
