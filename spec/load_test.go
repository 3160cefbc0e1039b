package spec_test

import (
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

const head = "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\n"

func load(t *testing.T, body string) (*spec.Spec, []*spec.Problem, error) {
	t.Helper()
	return spec.Load([]spec.Source{{Name: "regsync.yaml", Data: []byte(head + body)}}, spec.Facts{Hostname: "edge-1"})
}

func TestDefaults(t *testing.T) {
	s, _, err := load(t, "mirrors:\n- registry: docker.io\n  endpoints: [\"https://m.lab/\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	e := s.Mirrors[0].Endpoints[0]
	if e.URL != "https://m.lab" || strings.Join(e.Capabilities, " ") != "pull resolve" || e.OverridePath != spec.OverrideAuto {
		t.Errorf("endpoint: %+v", e)
	}
	if !s.Mirrors[0].Fallback || !s.Policy.Adopt || s.Policy.MaxRemovals != 10 || s.Policy.History != 10 ||
		s.Policy.Effects.Restart != "auto" || s.Node.Runtime != "auto" || s.Node.HostsFile != "/etc/hosts" ||
		s.Node.Docker.ConfigFile != "/etc/docker/daemon.json" || s.Node.Docker.Manage != "auto" ||
		s.Node.Containerd.Namespace != "k8s.io" || s.Cluster.Owner != "regsync" || s.Cluster.Manage != "auto" {
		t.Errorf("defaults: %+v", s)
	}
	if s.Mirrors[0].Pos.Line != 4 || e.Pos.Line != 5 {
		t.Errorf("positions: %v, %v", s.Mirrors[0].Pos, e.Pos)
	}
}
