package plan

import (
	"testing"

	"github.com/regsync/regsync/render"
)

const layerType = "application/vnd.oci.image.layer.v1.tar+gzip"

func TestImage(t *testing.T) {
	id := render.ID{Kind: render.KindImage, Name: "docker.io/library/nginx:1.27"}
	elsewhere := render.ID{Kind: render.KindImage, Name: id.Name, Node: "b"}
	want := render.Image{
		Target:  render.Descriptor{Digest: "sha256:t"},
		Content: []render.Descriptor{{Digest: "sha256:t"}, {Digest: "sha256:l", MediaType: layerType}, {Digest: "sha256:m", MediaType: layerType}},
		Pin:     true,
	}
	loose := want
	loose.Pin = false
	good := LiveImage{Target: "sha256:t", Unpacked: true, Managed: true, Pinned: true, Source: "/a.tar"}
	with := func(change func(*LiveImage)) *LiveImage {
		l := good
		change(&l)
		return &l
	}
	ours := &Owned{Image: &want}
	found := &Owned{Image: &want, Found: true, Pinned: true}
	adopting, leaving := Policy{Adopt: true, Leaving: "no longer in f"}, Policy{Adopt: true, Leaving: "no longer in f"}

	for name, tt := range map[string]struct {
		id     render.ID
		want   *render.Image // nil: nobody asks for it
		live   *LiveImage
		owned  *Owned
		policy Policy
		action Action // 0: no change
		reason string
		fetch  bool
	}{
		"not there":       {id, &want, nil, nil, adopting, Create, "not on the node: from a.tar", true},
		"removed":         {id, &want, nil, ours, adopting, Create, "was removed since the last apply: from a.tar", true},
		"cut short":       {id, &want, nil, &Owned{Image: &want, Coming: "x"}, adopting, Create, "not on the node: from a.tar", true},
		"right":           {id, &want, &good, ours, adopting, 0, "", false},
		"done, cut off":   {id, &want, &good, &Owned{Image: &want, Coming: "x"}, adopting, Adopt, "was left unfinished by an apply that was cut off", false},
		"other digest":    {id, &want, with(func(l *LiveImage) { l.Target = "sha256:o"; l.Missing = []string{"sha256:l"} }), ours, adopting, Update, "other digest", true},
		"layer gone":      {id, &want, with(func(l *LiveImage) { l.Missing = []string{"sha256:l"} }), ours, adopting, Update, "layer missing", true},
		"layers gone":     {id, &want, with(func(l *LiveImage) { l.Missing = []string{"sha256:l", "sha256:m"} }), ours, adopting, Update, "2 layers missing", true},
		"manifest gone":   {id, &want, with(func(l *LiveImage) { l.Missing = []string{"sha256:t"} }), ours, adopting, Update, "content missing", true},
		"not unpacked":    {id, &want, with(func(l *LiveImage) { l.Unpacked = false }), ours, adopting, Update, "not unpacked", true},
		"not seen":        {id, &want, with(func(l *LiveImage) { l.Managed = false }), ours, adopting, Update, "the CRI does not see it", false},
		"not pinned":      {id, &want, with(func(l *LiveImage) { l.Pinned = false }), ours, adopting, Update, "not pinned", false},
		"to be unpinned":  {id, &loose, &good, ours, adopting, Update, "pinned", false},
		"moved":           {id, &want, with(func(l *LiveImage) { l.Moved = "sha256:n" }), ours, adopting, Update, "the registry has another digest", true},
		"somebody's":      {id, &want, with(func(l *LiveImage) { l.Source = "" }), nil, adopting, Adopt, "takes over the image, which is right already", false},
		"somebody's, bad": {id, &want, with(func(l *LiveImage) { l.Source = ""; l.Pinned = false }), nil, adopting, Adopt, "takes over the image: not pinned", false},
		"pinned by them":  {id, &loose, with(func(l *LiveImage) { l.Source = "" }), nil, adopting, Adopt, "takes over the image, which is right already", false},
		"hands off":       {id, &want, with(func(l *LiveImage) { l.Source = "" }), nil, Policy{}, 0, "", false},
		"ledger was lost": {id, &want, with(func(l *LiveImage) { l.Pinned = false }), nil, adopting, Update, "not pinned", false},

		"leaves":               {id, nil, &good, ours, leaving, Delete, "no longer in f", false},
		"leaves, gone":         {id, nil, nil, ours, leaving, Forget, "no longer in f", false},
		"leaves, was there":    {id, nil, &good, found, leaving, Forget, "no longer in f: it was there before, and stays", false},
		"leaves, replaced":     {id, nil, with(func(l *LiveImage) { l.Source = "" }), ours, leaving, Forget, "no longer in f", false},
		"leaves, used":         {id, nil, with(func(l *LiveImage) { l.Users = []string{"web"} }), ours, leaving, Forget, "no longer in f: container web uses it, so it stays, unpinned", false},
		"elsewhere":            {elsewhere, &want, nil, nil, adopting, Create, "not brought to the node yet: from a.tar", true},
		"elsewhere, done":      {elsewhere, &want, nil, ours, adopting, 0, "", false},
		"elsewhere, cut short": {elsewhere, &want, nil, &Owned{Image: &want, Coming: "x"}, adopting, Create, "not brought to the node yet: from a.tar", true},
		"elsewhere, another":   {elsewhere, &render.Image{Target: render.Descriptor{Digest: "sha256:n"}}, nil, ours, adopting, Update, "other digest: from a.tar", true},
		"leaves elsewhere":     {elsewhere, nil, nil, ours, leaving, Forget, "no longer in f: it stays on the node, whose agent can take nothing away", false},
	} {
		t.Run(name, func(t *testing.T) {
			var resources []render.Resource
			if tt.want != nil {
				resources = []render.Resource{{ID: tt.id, Image: tt.want, Why: "from a.tar"}}
			}
			owned := map[render.ID]Owned{}
			if tt.owned != nil {
				owned[tt.id] = *tt.owned
			}
			p, err := New(resources, map[render.ID]Live{tt.id: {Image: tt.live}}, owned, tt.policy)
			if err != nil || len(p.Conflicts) != 0 {
				t.Fatalf("%v, %v", err, p.Conflicts)
			}
			if tt.action == 0 {
				if len(p.Changes) != 0 || p.Unchanged != 1 {
					t.Errorf("changes %+v, unchanged %d", p.Changes, p.Unchanged)
				}
				return
			}
			if len(p.Changes) != 1 {
				t.Fatalf("changes %+v", p.Changes)
			}
			c := p.Changes[0]
			if c.KeepPin != (tt.want == nil && tt.owned.Pinned) {
				t.Errorf("the pin is kept: %v", c.KeepPin)
			}
			if c.Action != tt.action || c.Reason != tt.reason || c.Fetch != tt.fetch || (c.Entry == nil) != (tt.want == nil) {
				t.Errorf("%s %q, fetch %v, entry %+v; want %s %q, fetch %v", c.Action, c.Reason, c.Fetch, c.Entry, tt.action, tt.reason, tt.fetch)
			}
		})
	}
}

// TestImageConflict: an image of somebody's that is not right stays theirs where nothing may be taken over, and holds back itself only.
func TestImageConflict(t *testing.T) {
	id := render.ID{Kind: render.KindImage, Name: "r.lab/x:1"}
	p, err := New([]render.Resource{{ID: id, Image: &render.Image{Target: render.Descriptor{Digest: "sha256:a"}}}},
		map[render.ID]Live{id: {Image: &LiveImage{Target: "sha256:b", Managed: true}}}, nil, Policy{})
	if err != nil || len(p.Conflicts) != 1 || len(p.Changes) != 0 || p.Barred() {
		t.Errorf("%+v, %v", p, err)
	}
}
