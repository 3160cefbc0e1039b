package plan

import (
	"testing"

	"github.com/regsync/regsync/render"
)

// grant is a pull secret of ours with a password.
func grant(password string) []byte {
	return render.PullSecret{
		ManagedBy: "regsync", Owner: "plant-7", Config: []byte(`{"auths":{"harbor.corp":{"username":"robot","password":"` + password + `"}}}`),
	}.Encode()
}

// TestSecrets goes through the situations that a secret can be in. They are those of a whole file, but that its mark has a name.
func TestSecrets(t *testing.T) {
	id := render.ID{Kind: render.KindSecret, Name: "team-a/harbor"}
	digest := func(data []byte) string { return string(data) }
	of := func(managedBy, owner string) []byte {
		return render.PullSecret{ManagedBy: managedBy, Owner: owner, Config: []byte("{}")}.Encode()
	}
	ours := &Owned{Applied: digest(grant("old")), Sensitive: true}
	adopted := &Owned{Applied: digest(grant("old")), Sensitive: true, Before: Original{Data: of("", "")}}
	inherited, found := &Owned{Sensitive: true}, &Owned{Sensitive: true, Found: true}
	for _, test := range []struct {
		name     string
		wanted   bool
		live     []byte
		obstacle string
		owned    *Owned
		careful  bool // policy.adopt: false
		from     []string
		action   Action // 0: nothing is done
		reason   string
		conflict string
	}{
		{name: "new", wanted: true, action: Create, reason: "pull secret with credential harbor"},
		{name: "right", wanted: true, live: grant("new"), owned: ours},
		{name: "rotated", wanted: true, live: grant("old"), owned: ours, action: Update, reason: "the credential of harbor.corp was rotated"},
		{name: "edited", wanted: true, live: grant("other"), owned: ours, action: Update, reason: "was edited since the last apply"},
		{name: "deleted", wanted: true, owned: ours, action: Create, reason: "was deleted since the last apply"},
		{name: "somebody's", wanted: true, live: of("", ""), action: Adopt, reason: "takes over the existing secret"},
		{name: "somebody's, left alone", wanted: true, live: of("", ""), careful: true, conflict: "somebody else's secret stands there and policy.adopt is false"},
		{name: "a tool's", wanted: true, live: of("Helm", ""), conflict: "it is helm's, which would write it again"},
		{name: "a tool's that may be taken", wanted: true, live: of("Helm", ""), from: []string{"helm"}, action: Adopt, reason: "takes over helm's secret"},
		{name: "another owner's", wanted: true, live: of("regsync", "plant-8"), from: []string{"regsync"}, conflict: "it is of regsync of plant-8"},
		{name: "another owner's that was ours", wanted: true, live: of("regsync", "plant-8"), owned: ours, conflict: "it is of regsync of plant-8"},
		{name: "ours under another name of ours", wanted: true, live: of("regsync", "old"), owned: &Owned{Applied: digest(of("regsync", "old"))}, action: Update, reason: "changed: pull secret with credential harbor"},
		{name: "with our mark", wanted: true, live: grant("old"), careful: true, action: Update, reason: "bears regsync's mark"},
		{name: "with our mark, and right", wanted: true, live: grant("new"), careful: true, action: Adopt, reason: "takes over the existing secret, which is right already"},
		{name: "another node's, and right", wanted: true, live: grant("new"), owned: inherited},
		{name: "another node's, rotated", wanted: true, live: grant("old"), owned: inherited, action: Update, reason: "the credential of harbor.corp was rotated"},
		{name: "made by an apply that was cut off", wanted: true, live: grant("new"), owned: &Owned{Coming: digest(grant("new")), Sensitive: true}, action: Adopt, reason: "was left unfinished by an apply that was cut off"},
		{name: "rotated by an apply that was cut off", wanted: true, live: grant("new"), owned: &Owned{Applied: digest(grant("old")), Coming: digest(grant("new")), Sensitive: true}, action: Adopt, reason: "was left unfinished by an apply that was cut off"},
		{name: "of another type", wanted: true, live: of("", ""), obstacle: "a secret of type Opaque stands there", conflict: "a secret of type Opaque stands there"},

		{name: "leaving", live: grant("old"), owned: ours, action: Delete, reason: "gone"},
		{name: "leaving, edited", live: grant("other"), owned: ours, action: Delete, reason: "gone"},
		{name: "leaving, gone already", owned: ours, action: Forget, reason: "gone"},
		{name: "leaving, replaced", live: of("", ""), owned: ours, action: Forget, reason: "gone"},
		{name: "leaving, taken by another owner", live: of("regsync", "plant-8"), owned: ours, action: Forget, reason: "gone"},
		{name: "giving back", live: grant("old"), owned: adopted, action: Update, reason: "gone: what stood there before comes back"},
		{name: "leaving, another node's", live: grant("old"), owned: inherited, action: Delete, reason: "gone"},
		{name: "leaving, taken over by another node", live: grant("old"), owned: found, action: Forget, reason: "gone: it was there before, and stays"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []render.Resource
			if test.wanted {
				want = []render.Resource{{ID: id, Body: grant("new"), Sensitive: true, Why: "pull secret with credential harbor"}}
			}
			owned := map[render.ID]Owned{}
			if test.owned != nil {
				owned[id] = *test.owned
			}
			p, err := New(want, map[render.ID]Live{id: {Data: test.live, Obstacle: test.obstacle}}, owned,
				Policy{Adopt: !test.careful, AdoptFrom: test.from, Owner: "plant-7", Leaving: "gone", Digest: digest})
			if err != nil {
				t.Fatal(err)
			}
			if p.Barred() {
				t.Errorf("a conflict about a secret bars the whole plan: %v", p.Conflicts)
			}
			conflict, action, reason := "", Action(0), ""
			if len(p.Conflicts) > 0 {
				conflict = p.Conflicts[0].Reason
			}
			if len(p.Changes) > 0 {
				c := p.Changes[0]
				action, reason = c.Action, c.Reason
				if !c.Sensitive || c.Mode != 0 || c.MakeDirs != nil || c.DropDirs != nil {
					t.Errorf("sensitive: %v; mode %o, directories %v %v", c.Sensitive, c.Mode, c.MakeDirs, c.DropDirs)
				}
			}
			if action != test.action || reason != test.reason || conflict != test.conflict {
				t.Errorf("%c %q, conflict %q; want %c %q, conflict %q", action, reason, conflict, test.action, test.reason, test.conflict)
			}
		})
	}
}

// A service account's list is everybody's: only our references come and go.
func TestReferences(t *testing.T) {
	id := render.ID{Kind: render.KindServiceAccount, Name: "team-a/default"}
	digest := func(data []byte) string { return string(data) }
	ours := func(before, body string) *Owned {
		return &Owned{Scope: render.Names, Applied: "x", Body: []byte(body), Before: Original{Data: []byte(before)}}
	}
	for _, test := range []struct {
		name        string
		want        string // empty: not wanted
		live        string
		owned       *Owned
		after       string
		before      string // what the ledger remembers of others
		drift, none bool
		adopt       bool
	}{
		{name: "empty list", want: "harbor\n", after: "harbor\n"},
		{name: "beside theirs", want: "harbor\n", live: "theirs\n", after: "theirs\nharbor\n", before: "theirs\n"},
		{name: "there already", want: "harbor\n", live: "harbor\n", none: true},
		{name: "as we left it", want: "harbor\n", live: "theirs\nharbor\n", owned: ours("theirs\n", "harbor\n"), none: true},
		{name: "added by an apply that was cut off", want: "harbor\n", live: "theirs\nharbor\n", owned: &Owned{Scope: render.Names, Coming: "y", Body: []byte("harbor\n"), Before: Original{Data: []byte("theirs\n")}}, after: "theirs\nharbor\n", before: "theirs\n", adopt: true},
		{name: "taken away", want: "harbor\n", live: "theirs\n", owned: ours("theirs\n", "harbor\n"), after: "theirs\nharbor\n", before: "theirs\n", drift: true},
		{name: "one more", want: "harbor\nhub\n", live: "harbor\ntheirs\n", owned: ours("", "harbor\n"), after: "harbor\ntheirs\nhub\n", before: "theirs\n"},
		{name: "another", want: "hub\n", live: "harbor\ntheirs\n", owned: ours("", "harbor\n"), after: "theirs\nhub\n", before: "theirs\n"},
		{name: "leaving", live: "theirs\nharbor\nlater\n", owned: ours("theirs\n", "harbor\n"), after: "theirs\nlater\n"},
		{name: "leaving what was theirs", live: "harbor\n", owned: ours("harbor\n", "harbor\nhub\n"), none: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []render.Resource
			if test.want != "" {
				want = []render.Resource{{ID: id, Scope: render.Names, Body: []byte(test.want), Why: "refers to it"}}
			}
			owned := map[render.ID]Owned{}
			if test.owned != nil {
				owned[id] = *test.owned
			}
			p, err := New(want, map[render.ID]Live{id: {Data: []byte(test.live)}}, owned, Policy{Leaving: "gone", Digest: digest})
			if err != nil {
				t.Fatal(err)
			}
			if test.none {
				if len(p.Changes) > 0 && p.Changes[0].Action != Forget {
					t.Fatalf("%c from %q to %q", p.Changes[0].Action, p.Changes[0].Before, p.Changes[0].After)
				}
				return
			}
			c := p.Changes[0]
			action := Update
			if test.adopt {
				action = Adopt
			}
			if c.Action != action || string(c.After) != test.after || c.Drift != test.drift || c.Sensitive {
				t.Errorf("%c to %q, drift: %v, sensitive: %v; want ~ to %q", c.Action, c.After, c.Drift, c.Sensitive, test.after)
			}
			if c.Entry != nil && string(c.Entry.Before.Data) != test.before {
				t.Errorf("the ledger will say that %q stood there before, want %q", c.Entry.Before.Data, test.before)
			}
		})
	}
}

// A secret is there before the first service account refers to it, and goes after the last one has stopped to.
func TestOrderOfObjects(t *testing.T) {
	secret := func(name string) render.ID { return render.ID{Kind: render.KindSecret, Name: "a/" + name} }
	account, image := render.ID{Kind: render.KindServiceAccount, Name: "a/default"}, render.ID{Kind: render.KindImage, Name: "i:1"}
	want := []render.Resource{
		{ID: account, Scope: render.Names, Body: []byte("new\n")},
		{ID: secret("new"), Body: grant("new"), Sensitive: true},
		{ID: image, Image: &render.Image{}},
	}
	have := map[render.ID]Live{account: {Data: []byte{}}, secret("old"): {Data: grant("old")}}
	p, err := New(want, have, map[render.ID]Owned{secret("old"): {Applied: string(grant("old"))}}, Policy{Owner: "plant-7", Digest: func(b []byte) string { return string(b) }})
	if err != nil {
		t.Fatal(err)
	}
	order := []render.ID{image, secret("new"), account, secret("old")}
	if len(p.Changes) != len(order) {
		t.Fatalf("%d changes, want %d", len(p.Changes), len(order))
	}
	for i, id := range order {
		if p.Changes[i].ID != id {
			t.Errorf("change %d is of %s, want %s", i, p.Changes[i].ID, id)
		}
	}
}
