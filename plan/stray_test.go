package plan

import (
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
)

// TestStray: what stands in the place of a file of ours and is none gives way to the file, but for a link that was there when we came.
func TestStray(t *testing.T) {
	link := func(target string) *Stray { return &Stray{Kind: StrayLink, Link: target} }
	pipe, dir := &Stray{Kind: StrayPipe, Mode: 0o600}, &Stray{Kind: StrayDir, Mode: 0o755}
	through := func(stray *Stray, text, obstacle string) Live {
		live := file(text)
		live.Stray, live.Obstacle = stray, obstacle
		return live
	}
	by := func(link string) *Original { return &Original{Data: []byte(foreign), Mode: 0o640, Link: link} }
	for name, tt := range map[string]struct {
		live   Live
		before *Original // nil: it is not ours
		gone   bool      // nobody asks for it any more
		lost   *Original // what a damaged ledger forgot

		action   Action
		replaces bool
		via      string
		reason   string
		conflict string
		drift    string // as status says it; empty: there is none
	}{
		"a link to another file": {live: through(link("/x"), k3s, ""), before: &Original{}, action: Update, replaces: true, reason: `was replaced by a symbolic link to "/x" since the last apply`, drift: `was replaced by a symbolic link to "/x"`},
		"to what is right":       {live: through(link("/x"), oursNow, ""), before: &Original{}, action: Update, replaces: true, reason: "was replaced by", drift: "was replaced by"},
		"to nothing":             {live: through(link("/x"), "", "is a symbolic link to nothing"), before: &Original{}, action: Update, replaces: true, reason: "was replaced by", drift: "was replaced by"},
		"a file stood there":     {live: through(link("/x"), k3s, ""), before: by(""), action: Update, replaces: true, drift: "was replaced by"},
		"a pipe":                 {live: through(pipe, "", "is a named pipe"), before: &Original{}, action: Update, replaces: true, reason: "was replaced by a named pipe", drift: "a named pipe"},
		"an empty directory":     {live: through(dir, "", "is a directory"), before: &Original{}, action: Update, replaces: true, reason: "was replaced by an empty directory", drift: "an empty directory"},
		"a full directory":       {live: through(nil, "", "is a directory"), before: &Original{}, conflict: "is a directory", drift: "is a directory"},
		"a pipe, not ours":       {live: through(pipe, "", "is a named pipe"), conflict: "is a named pipe"},
		"a link, dangling":       {live: through(link("/x"), "", "leads to nothing"), conflict: "leads to nothing"},

		"taken over through a link":        {live: through(link("/x"), foreign, ""), action: Adopt, via: "/x"},
		"right already through a link":     {live: through(link("/x"), oursLast, ""), before: by("/x"), action: Update, via: "/x", reason: "changed"},
		"edited behind the link":           {live: through(link("/x"), foreign, ""), before: by("/x"), action: Update, via: "/x", reason: "was edited", drift: "was edited"},
		"the link leads to nothing":        {live: through(link("/x"), "", "leads to nothing"), before: by("/x"), conflict: "leads to nothing", drift: "leads to nothing"},
		"another link":                     {live: through(link("/y"), foreign, ""), before: by("/x"), conflict: `is a symbolic link to "/y" by now, and was one to "/x"`, drift: `was one to "/x"`},
		"a pipe for the link":              {live: through(pipe, "", "is a named pipe"), before: by("/x"), action: Update, replaces: true, drift: "a named pipe"},
		"the ledger forgot a link":         {live: through(link("/x"), oursElse, ""), lost: by("/x"), action: Update, via: "/x", reason: "bears regsync's mark"},
		"the ledger forgot a file":         {live: through(link("/x"), oursElse, ""), lost: by(""), action: Update, replaces: true, reason: "bears regsync's mark"},
		"no longer wanted, a link":         {live: through(link("/x"), oursLast, ""), before: by(""), gone: true, action: Forget, replaces: true, reason: `something else stands there now: a symbolic link to "/x"`, drift: "was replaced by"},
		"no longer wanted, dangling":       {live: through(link("/x"), "", "leads to nothing"), before: by(""), gone: true, action: Forget, replaces: true, drift: "was replaced by"},
		"no longer wanted, a pipe":         {live: through(pipe, "", "is a named pipe"), before: by(""), gone: true, action: Forget, replaces: true, drift: "was replaced by"},
		"no longer wanted, through a link": {live: through(link("/x"), oursLast, ""), before: by("/x"), gone: true, action: Update, via: "/x", reason: "comes back"},
		"no longer wanted, another link":   {live: through(link("/y"), oursLast, ""), before: by("/x"), gone: true, action: Forget, replaces: true, drift: "by now"},
	} {
		t.Run(name, func(t *testing.T) {
			r, owned := whole(oursNow), map[render.ID]Owned{}
			if tt.before != nil {
				owned[r.ID] = Owned{Applied: digest([]byte(oursLast)), Before: *tt.before, Mode: 0o644}
			}
			want := []render.Resource{r}
			if tt.gone {
				want = nil
			}
			have := map[render.ID]Live{r.ID: tt.live}
			p, err := New(want, have, owned, Policy{Adopt: true, Digest: digest, Lost: func(render.ID) (Original, bool) {
				if tt.lost == nil {
					return Original{}, false
				}
				return *tt.lost, true
			}})
			if err != nil {
				t.Fatal(err)
			}
			drift := ""
			for _, d := range Drift(have, owned, digest) {
				drift = d.Reason
			}
			if tt.drift == "" && drift != "" && tt.before != nil || !strings.Contains(drift, tt.drift) {
				t.Errorf("drift %q, want %q", drift, tt.drift)
			}
			if tt.conflict != "" {
				if len(p.Changes) > 0 || len(p.Conflicts) != 1 || !strings.Contains(p.Conflicts[0].Reason, tt.conflict) || p.Conflicts[0].Hint == "" {
					t.Errorf("plan %+v, want the conflict %q", p, tt.conflict)
				}
				return
			}
			if len(p.Changes) != 1 || len(p.Conflicts) > 0 {
				t.Fatalf("plan %+v, want one change", p)
			}
			c := p.Changes[0]
			if c.Action != tt.action || (c.Stray != nil) != tt.replaces || c.Via != tt.via || !strings.Contains(c.Reason, tt.reason) {
				t.Errorf("change %+v, want %s, reason %q", c, tt.action, tt.reason)
			}
			if c.Stray != nil && (c.Before != nil || *c.Stray != *tt.live.Stray || !tt.gone && c.Mode != r.Mode) {
				t.Errorf("change %+v, want nothing of what the link leads to", c)
			}
			if !c.Sees(tt.live) || c.Sees(through(link("/z"), string(tt.live.Data), "")) {
				t.Errorf("change %+v does not tell the node as it was from another one", c)
			}
			if c.Entry != nil && c.Stray == nil && c.Entry.Before.Link != tt.via {
				t.Errorf("the ledger will have %+v", c.Entry.Before)
			}
		})
	}
}

// TestStrayOfShared: the way to a file that is shared with others is theirs to choose.
func TestStrayOfShared(t *testing.T) {
	w := newWorld(map[string]string{etcHosts: "127.0.0.1 localhost\n"})
	w.apply(t, Policy{Digest: digest}, block("10.0.0.5 a.example\n"))
	have := w.have()
	id := block("").ID
	live := have[id]
	live.Stray = &Stray{Kind: StrayLink, Link: "/etc/hosts.real"}
	have[id] = live
	p, err := New([]render.Resource{block("10.0.0.6 a.example\n")}, have, w.owned, Policy{Digest: digest})
	if err != nil || len(p.Changes) != 1 || p.Changes[0].Stray != nil || p.Changes[0].Via != "/etc/hosts.real" {
		t.Errorf("plan %+v, %v; want the link followed", p, err)
	}
}
