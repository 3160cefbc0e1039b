package plan

import (
	"testing"

	"github.com/regsync/regsync/render"
)

// hub is a hosts.toml of ours with a credential.
func hub(password string) render.Resource {
	header := map[string][]string{"Authorization": {"Basic " + password}}
	return render.Resource{
		ID: render.ID{Kind: render.KindFile, Name: "/c/hub/hosts.toml"}, Mode: 0o600, Sensitive: true, Why: "registry hub, credential hub",
		Body: []byte("# Managed by regsync\nserver = \"https://hub\"\n[header]\n\"Authorization\" = [\"Basic " + password + "\"]\n"),
		Asks: []render.Endpoint{{URL: "https://hub", Header: header, Credential: "hub"}},
	}
}

func TestRotation(t *testing.T) {
	digest := func(data []byte) string { return string(data) }
	old, now := hub("b2xk"), hub("bmV3")
	owned := Owned{Applied: digest(old.Body), Mode: 0o600, Sensitive: true}
	public := now
	public.Body, public.Sensitive, public.Mode, public.Asks, public.Why = []byte("# Managed by regsync\nserver = \"https://hub\"\n"), false, 0o644, nil, "registry hub"
	foreign := []byte("server = \"https://hub\"\n[header]\nauthorization = \"Basic eDp5\"\n")

	for _, test := range []struct {
		name   string
		want   []render.Resource
		live   []byte
		owned  *Owned
		action Action
		reason string
	}{
		{"rotated", []render.Resource{now}, old.Body, &owned, Update, "credential hub was rotated"},
		{"new", []render.Resource{now}, nil, nil, Create, "registry hub, credential hub"},
		{"given up", []render.Resource{public}, old.Body, &owned, Update, "changed: registry hub"},
		{"somebody's", []render.Resource{public}, foreign, nil, Adopt, "takes over the existing file"},
		{"leaving", nil, old.Body, &owned, Delete, "gone"},
		{"giving back", nil, public.Body, &Owned{Applied: digest(public.Body), Before: Original{Data: foreign}}, Update, "gone: what stood there before comes back"},
	} {
		t.Run(test.name, func(t *testing.T) {
			have, ours := map[render.ID]Live{now.ID: {Data: test.live, Mode: 0o600}}, map[render.ID]Owned{}
			if test.owned != nil {
				ours[now.ID] = *test.owned
			}
			p, err := New(test.want, have, ours, Policy{Adopt: true, Digest: digest, Leaving: "gone"})
			if err != nil || len(p.Changes) != 1 {
				t.Fatalf("%d changes, error %v", len(p.Changes), err)
			}
			c := p.Changes[0]
			if c.Action != test.action || c.Reason != test.reason || !c.Sensitive {
				t.Errorf("%s %q, sensitive %v; want %s %q, sensitive", c.Action, c.Reason, c.Sensitive, test.action, test.reason)
			}
		})
	}
}

func TestBars(t *testing.T) {
	file, image := render.ID{Kind: render.KindFile, Name: "/x"}, render.ID{Kind: render.KindImage, Name: "x"}
	for _, test := range []struct {
		conflicts []Conflict
		want      bool
	}{
		{nil, false},
		{[]Conflict{{ID: image}, {ID: file, Held: true}}, false},
		{[]Conflict{{ID: file, Held: true}, {ID: file}}, true},
	} {
		if got := (Plan{Conflicts: test.conflicts}).Barred(); got != test.want {
			t.Errorf("%v: barred %v", test.conflicts, got)
		}
	}
}
