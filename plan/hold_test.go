package plan

import (
	"slices"
	"testing"

	"github.com/regsync/regsync/render"
)

func TestHold(t *testing.T) {
	file := func(name string, effect render.Effect) Change {
		return Change{ID: render.ID{Kind: render.KindFile, Name: name}, Action: Update, Effect: effect}
	}
	image := Change{ID: render.ID{Kind: render.KindImage, Name: "a:1"}, Action: Create}
	whole := Plan{
		Changes: []Change{
			file("/certs.d/a/ca.crt", ""), file("/certs.d/a/hosts.toml", ""), file("/certs.d/b/hosts.toml", ""),
			file("/etc/docker/daemon.json", render.ReloadDocker), file("/config.toml", render.RestartContainerd), image,
		},
		Effects: []Effect{{Name: render.ReloadDocker}, {Name: render.RestartContainerd}},
	}
	pending := Plan{Effects: []Effect{{Name: render.RestartContainerd, Pending: true, Reason: "it is old"}}}
	for _, c := range []struct {
		what          string
		plan          Plan
		hold          func(Change) bool
		left, effects []string
		held          int
	}{
		{
			"nothing", whole, func(Change) bool { return false },
			[]string{"/certs.d/a/ca.crt", "/certs.d/a/hosts.toml", "/certs.d/b/hosts.toml", "/etc/docker/daemon.json", "/config.toml", "a:1"},
			[]string{"reload docker", "restart containerd"},
			0,
		},
		{
			"what needs a restart", whole, func(c Change) bool { return c.Effect == render.RestartContainerd },
			[]string{"/certs.d/a/ca.crt", "/certs.d/a/hosts.toml", "/certs.d/b/hosts.toml", "/etc/docker/daemon.json", "a:1"},
			[]string{"reload docker"},
			1,
		},
		{
			"with a hosts.toml its certificate", whole, func(c Change) bool { return c.Name == "/certs.d/a/hosts.toml" },
			[]string{"/certs.d/b/hosts.toml", "/etc/docker/daemon.json", "/config.toml", "a:1"},
			[]string{"reload docker", "restart containerd"},
			2,
		},
		{
			"an image alone", whole, func(c Change) bool { return c.Kind == render.KindImage },
			[]string{"/certs.d/a/ca.crt", "/certs.d/a/hosts.toml", "/certs.d/b/hosts.toml", "/etc/docker/daemon.json", "/config.toml"},
			[]string{"reload docker", "restart containerd"},
			1,
		},
		{"no pending effect", pending, func(Change) bool { return false }, nil, []string{"restart containerd"}, 0},
		{"a pending effect", pending, func(c Change) bool { return c.Effect == render.RestartContainerd && c.Name == "" }, nil, nil, 1},
	} {
		got, held := c.plan.Hold(func(x Change) string {
			if c.hold(x) {
				return "it waits"
			}
			return ""
		})
		var left, effects []string
		for _, x := range got.Changes {
			left = append(left, x.Name)
		}
		for _, e := range got.Effects {
			effects = append(effects, string(e.Name))
		}
		if !slices.Equal(left, c.left) || !slices.Equal(effects, c.effects) || len(held) != c.held {
			t.Errorf("%s: left %q, effects %q, held %v", c.what, left, effects, held)
		}
		if slices.ContainsFunc(held, func(h Held) bool { return h.Why != "it waits" }) {
			t.Errorf("%s: held %v", c.what, held)
		}
	}
}
