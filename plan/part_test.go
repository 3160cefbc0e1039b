package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

const (
	etcHosts   = "/etc/hosts"
	daemonJSON = "/etc/docker/daemon.json"
	configTOML = "/etc/containerd/config.toml"
)

func part(name string, scope render.Scope, effect render.Effect, body string) render.Resource {
	return render.Resource{
		ID: render.ID{Kind: render.KindFile, Name: name}, Scope: scope, Effect: effect,
		Body: []byte(body), Mode: 0o644, Why: "a reason",
	}
}

func block(body string) render.Resource { return part(etcHosts, render.Block, render.NoEffect, body) }

func keys(body string) render.Resource {
	return part(daemonJSON, render.JSONKeys, render.ReloadDocker, body)
}

func table(body string) render.Resource {
	return part(configTOML, render.TOMLKeys, render.RestartContainerd, body)
}

// world is a node and a ledger in memory: what a plan says is done at once and in full.
type world struct {
	files map[string]string
	owned map[render.ID]Owned
}

func newWorld(files map[string]string) *world {
	return &world{files: files, owned: map[render.ID]Owned{}}
}

func (w *world) have() map[render.ID]Live {
	have := map[render.ID]Live{}
	for name, text := range w.files {
		have[render.ID{Kind: render.KindFile, Name: name}] = Live{Data: []byte(text), Mode: 0o644}
	}
	return have
}

func (w *world) plan(pol Policy, want ...render.Resource) (Plan, error) {
	pol.Digest = digest
	return New(want, w.have(), w.owned, pol)
}

// apply plans and does it.
func (w *world) apply(t testing.TB, pol Policy, want ...render.Resource) Plan {
	t.Helper()
	p, err := w.plan(pol, want...)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Conflicts) > 0 {
		t.Fatalf("conflicts: %+v", p.Conflicts)
	}
	for _, c := range p.Changes {
		if got, ok := w.files[c.Name]; ok != (c.Before != nil) || got != string(c.Before) {
			t.Fatalf("%s: the plan saw %q, there is %q", c.Name, c.Before, got)
		}
		if c.After == nil {
			delete(w.files, c.Name)
		} else {
			w.files[c.Name] = string(c.After)
		}
		if c.Entry == nil {
			delete(w.owned, c.ID)
			continue
		}
		e := *c.Entry
		e.Applied = digest(c.After)
		w.owned[c.ID] = e
	}
	return p
}

// converged makes sure that nothing is left to do.
func (w *world) converged(t testing.TB, pol Policy, want ...render.Resource) {
	t.Helper()
	p, err := w.plan(pol, want...)
	if err != nil || !p.Empty() {
		t.Errorf("a second plan is %v, %v; want an empty one", names(p), err)
	}
}

// TestPartLife follows one part of each shared file through its life: it comes, is changed, edited, healed, and goes.
func TestPartLife(t *testing.T) {
	for name, tt := range map[string]struct {
		before        string // empty: no file
		first, second render.Resource
		edit          func(string) string // damages our part
		beside        func(string) string // changes what is not ours
	}{
		"hosts": {
			before: "127.0.0.1 localhost\n", first: block("10.0.0.4 a.example\n"), second: block("10.0.0.5 a.example\n"),
			edit:   func(s string) string { return strings.ReplaceAll(s, "10.0.0.5", "10.0.0.6") },
			beside: func(s string) string { return "# first\n" + s + "::1 ip6-localhost\n" },
		},
		"hosts, no file": {
			first: block("10.0.0.4 a.example\n"), second: block("10.0.0.5 a.example\n"),
			edit: func(s string) string { return strings.ReplaceAll(s, "10.0.0.5", "10.0.0.6") },
		},
		"daemon.json": {
			before: "{\n  \"debug\": true\n}\n", first: keys(`{"insecure-registries":["a:1"]}`), second: keys(`{"insecure-registries":["b:1"]}`),
			edit:   func(s string) string { return strings.ReplaceAll(s, `"b:1"`, ``) },
			beside: func(s string) string { return strings.ReplaceAll(s, "true", "false") },
		},
		"daemon.json, shared list": {
			before: `{"insecure-registries":["foreign:1"]}`, first: keys(`{"insecure-registries":["a:1"]}`), second: keys(`{"insecure-registries":["a:1","b:1"]}`),
			edit: func(s string) string { return strings.ReplaceAll(s, `,"b:1"`, ``) },
		},
		"daemon.json, no file": {
			first: keys(`{"insecure-registries":["a:1"]}`), second: keys(`{"registry-mirrors":["http://m:1"]}`),
			edit: func(s string) string { return strings.ReplaceAll(s, `"http://m:1"`, ``) },
		},
		"config.toml": {
			before: "version = 2\n# mine\nroot = \"/r\"\n", first: table("config_path = \"/a\"\n"), second: table("config_path = \"/b\"\n"),
			edit:   func(s string) string { rest, _, _ := strings.Cut(s, "\n[plugins"); return rest },
			beside: func(s string) string { return strings.ReplaceAll(s, `"/r"`, `"/s"`) },
		},
		"config.toml, no file": {
			first: table("config_path = \"/a\"\n"), second: table("config_path = \"/b\"\n"),
			edit: func(s string) string { rest, _, _ := strings.Cut(s, "\n[plugins"); return rest },
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			if tt.before != "" {
				files[tt.first.Name] = tt.before
			}
			w := newWorld(files)
			check := func(p Plan, action Action, drift bool) {
				t.Helper()
				if len(p.Changes) != 1 || p.Changes[0].Action != action || p.Changes[0].Drift != drift {
					t.Errorf("%+v; want one change: %s, drift %v", p.Changes, action, drift)
				}
			}
			first := Update
			if tt.before == "" {
				first = Create
			}
			check(w.apply(t, Policy{}, tt.first), first, false) // adopt: false is no matter for parts
			w.converged(t, Policy{}, tt.first)
			check(w.apply(t, Policy{}, tt.second), Update, false)
			w.converged(t, Policy{}, tt.second)
			applied := w.files[tt.first.Name]
			edited := tt.edit(applied)
			if edited == applied {
				t.Fatal("the edit changes nothing")
			}
			w.files[tt.first.Name] = edited
			p := w.apply(t, Policy{}, tt.second)
			check(p, Update, true)
			w.converged(t, Policy{}, tt.second)
			if tt.beside != nil {
				w.files[tt.first.Name] = tt.beside(w.files[tt.first.Name])
				w.converged(t, Policy{}, tt.second)
				w.apply(t, Policy{})
				if got, want := w.files[tt.first.Name], tt.beside(tt.before); got != want {
					t.Errorf("what others wrote is\n%s\nwant\n%s", got, want)
				}
				return
			}
			w.apply(t, Policy{})
			if got, ok := w.files[tt.first.Name]; got != tt.before || ok != (tt.before != "") {
				t.Errorf("given back as %q (there: %v), want %q", got, ok, tt.before)
			}
			if len(w.owned) != 0 {
				t.Errorf("still ours: %v", w.owned)
			}
		})
	}
}

// TestPartDeleted: the whole shared file was deleted. What is made anew is ours alone, and goes when it is given back.
func TestPartDeleted(t *testing.T) {
	w := newWorld(map[string]string{etcHosts: "127.0.0.1 localhost\n"})
	r := block("10.0.0.4 a.example\n")
	w.apply(t, Policy{}, r)
	delete(w.files, etcHosts)
	p := w.apply(t, Policy{}, r)
	if len(p.Changes) != 1 || p.Changes[0].Action != Create || !p.Changes[0].Drift || !strings.Contains(p.Changes[0].Reason, "deleted") {
		t.Errorf("changes %+v, want it made again", p.Changes)
	}
	w.apply(t, Policy{})
	if len(w.files) != 0 {
		t.Errorf("left over: %v", w.files)
	}
}

// TestPartMode: the mode of a shared file is nobody's business, also when our part goes.
func TestPartMode(t *testing.T) {
	r := block("10.0.0.4 a.example\n")
	before := Original{Data: []byte("127.0.0.1 localhost\n"), Mode: 0o644}
	next, err := r.Propose(before.Data)
	if err != nil {
		t.Fatal(err)
	}
	owned := map[render.ID]Owned{r.ID: {Scope: render.Block, Body: r.Body, Applied: digest(next), Before: before}}
	p, err := New(nil, map[render.ID]Live{r.ID: {Data: next, Mode: 0o640}}, owned, Policy{Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 1 || p.Changes[0].Mode != 0 {
		t.Errorf("changes %+v, want the mode left as it is", p.Changes)
	}
}

// TestBroken: a file that cannot be edited is an error with its place, whether it is wanted or given back.
func TestBroken(t *testing.T) {
	r := keys(`{"insecure-registries":["a:1"]}`)
	c := table("config_path = \"/a\"\n")
	w := newWorld(map[string]string{daemonJSON: "{\n  “debug”: true\n}\n", configTOML: "version = ”2”\n"})
	_, err := w.plan(Policy{}, r, c)
	for _, name := range []string{daemonJSON, configTOML} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %s in it", err, name)
		}
	}
	var p *spec.Problem
	if !errors.As(err, &p) || p.Position.File == "" {
		t.Errorf("error %v is no problem with a place", err)
	}
	w.owned[r.ID] = Owned{Scope: render.JSONKeys, Body: r.Body, Applied: "something else"}
	if _, err := w.plan(Policy{}); !errors.As(err, &p) || p.Position.File != daemonJSON {
		t.Errorf("given back: %v, want a problem in %s", err, daemonJSON)
	}
}

// TestOrder: certs.d before the shared files, containerd's config last; a hosts.toml goes before the certificates that it
// names; effects once each, Docker's first.
func TestOrder(t *testing.T) {
	dir := "/etc/containerd/certs.d/"
	w := newWorld(map[string]string{})
	file := func(name string) render.Resource {
		r := whole(oursNow)
		r.Name = dir + name
		return r
	}
	want := []render.Resource{
		table("config_path = \"/a\"\n"), keys(`{"insecure-registries":["a:1"]}`), block("10.0.0.4 a.example\n"),
		file("a/ca.pem"), file("a/hosts.toml"), file("b/hosts.toml"), file("b/zz.pem"),
	}
	p := w.apply(t, Policy{}, want...)
	wantNames := []string{
		"+ " + dir + "a/ca.pem", "+ " + dir + "a/hosts.toml", "+ " + dir + "b/hosts.toml", "+ " + dir + "b/zz.pem",
		"+ " + etcHosts, "+ " + daemonJSON, "+ " + configTOML,
	}
	if got := names(p); !slices.Equal(got, wantNames) {
		t.Errorf("order\n%q\nwant\n%q", got, wantNames)
	}
	if len(p.Effects) != 2 || p.Effects[0].Name != render.ReloadDocker || p.Effects[1].Name != render.RestartContainerd {
		t.Errorf("effects %+v", p.Effects)
	}
	if p.Effects[0].Target() != "docker" || p.Effects[1].Target() != "containerd" {
		t.Errorf("targets %q, %q", p.Effects[0].Target(), p.Effects[1].Target())
	}
	for _, e := range p.Effects {
		if e.Disturbs == "" || e.Disturbs != disturbs[e.Name] || e.Pending || e.Undo || e.Repairs {
			t.Errorf("effect %+v", e)
		}
	}
	if got := p.Effects[0].Reason; got != "daemon.json" {
		t.Errorf("reason %q", got)
	}
	if p.Count(Create) != 7 || p.Removals() != 0 {
		t.Errorf("%d to create, %d removals", p.Count(Create), p.Removals())
	}
	p = w.apply(t, Policy{})
	wantNames = []string{
		"- " + dir + "a/hosts.toml", "- " + dir + "a/ca.pem", "- " + dir + "b/hosts.toml", "- " + dir + "b/zz.pem",
		"- " + etcHosts, "- " + daemonJSON, "- " + configTOML,
	}
	if got := names(p); !slices.Equal(got, wantNames) {
		t.Errorf("order of leaving\n%q\nwant\n%q", got, wantNames)
	}
	if p.Removals() != 7 || len(p.Effects) != 2 {
		t.Errorf("%d removals, effects %+v", p.Removals(), p.Effects)
	}
}

// TestInterim: Docker forgets a value only when an empty list stands there while it reloads.
func TestInterim(t *testing.T) {
	const before = "{\"debug\": true}\n"
	w := newWorld(map[string]string{daemonJSON: before})
	p := w.apply(t, Policy{}, keys(`{"insecure-registries":["a:1"]}`))
	c := p.Changes[0]
	if c.Interim != nil || !strings.Contains(string(c.Retreat), `"insecure-registries": []`) {
		t.Errorf("coming: interim %q, retreat %q; want none, and an empty list", c.Interim, c.Retreat)
	}
	p = w.apply(t, Policy{})
	c = p.Changes[0]
	if string(c.After) != before || !strings.Contains(string(c.Interim), `"insecure-registries": []`) || c.Retreat != nil {
		t.Errorf("going: after %q, interim %q, retreat %q", c.After, c.Interim, c.Retreat)
	}
}

// TestBreaks: a config with which containerd's CRI would not come up is not given back, unless that is asked for.
func TestBreaks(t *testing.T) {
	const broken = `version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."a.example"]
    endpoint = ["http://a.example"]
`
	r := table("config_path = \"/etc/containerd/certs.d\"\n")
	for _, exact := range []bool{false, true} {
		w := newWorld(map[string]string{configTOML: broken})
		p := w.apply(t, Policy{}, r)
		if len(p.Effects) != 1 || !p.Effects[0].Repairs {
			t.Errorf("effects %+v, want a restart that repairs", p.Effects)
		}
		repaired := w.files[configTOML]
		if _, breaks := render.Breaks([]byte(repaired)); breaks {
			t.Fatalf("not repaired:\n%s", repaired)
		}
		p = w.apply(t, Policy{Exact: exact})
		if exact {
			if w.files[configTOML] != broken || len(p.Effects) != 1 {
				t.Errorf("--exact gives back\n%s", w.files[configTOML])
			}
			continue
		}
		if w.files[configTOML] != repaired || p.Changes[0].Action != Forget || len(p.Effects) != 0 || len(p.Warnings) != 1 || p.Warnings[0].Hint == "" {
			t.Errorf("plan %+v, want it forgotten with a warning", p)
		}
		if len(w.owned) != 0 {
			t.Error("still ours")
		}
	}
}

func TestPending(t *testing.T) {
	p := Plan{}.WithPending(render.ReloadDocker, "not loaded")
	if p.Empty() || len(p.Effects) != 1 || !p.Effects[0].Pending || p.Effects[0].Disturbs == "" {
		t.Errorf("%+v, want one pending effect", p)
	}
	if again := p.WithPending(render.ReloadDocker, "other"); len(again.Effects) != 1 || again.Effects[0].Reason != "not loaded" {
		t.Errorf("%+v, want it once", again)
	}
}

// TestEditedValue: what somebody writes in the place of our value is theirs. It gives way while we are asked for ours, and is
// what comes back.
func TestEditedValue(t *testing.T) {
	const before = "version = 2\n"
	w := newWorld(map[string]string{configTOML: before})
	r := table("config_path = \"/a\"\n")
	w.apply(t, Policy{}, r)
	edited := strings.ReplaceAll(w.files[configTOML], `"/a"`, `"/theirs"`)
	w.files[configTOML] = edited
	w.apply(t, Policy{}, r)
	if !strings.Contains(w.files[configTOML], `"/a"`) {
		t.Errorf("not healed:\n%s", w.files[configTOML])
	}
	w.apply(t, Policy{})
	if w.files[configTOML] != edited {
		t.Errorf("given back as\n%s\nwant\n%s", w.files[configTOML], edited)
	}
}

// TestLostBlock: a block between our markers is ours, though the ledger was lost.
func TestLostBlock(t *testing.T) {
	const before = "127.0.0.1 localhost\n"
	for name, last := range map[string]string{"right": "10.0.0.4 a.example\n", "from an earlier file": "10.0.0.3 a.example\n10.0.0.2 b.example\n"} {
		w := newWorld(map[string]string{etcHosts: before})
		w.apply(t, Policy{}, block(last))
		clear(w.owned)
		r := block("10.0.0.4 a.example\n")
		p := w.apply(t, Policy{}, r)
		action := map[string]Action{"right": Adopt, "from an earlier file": Update}[name]
		if len(p.Changes) != 1 || p.Changes[0].Action != action || !strings.Contains(p.Changes[0].Reason, "bears regsync's mark") {
			t.Errorf("%s: changes %+v", name, p.Changes)
		}
		w.converged(t, Policy{}, r)
		w.apply(t, Policy{})
		if w.files[etcHosts] != before {
			t.Errorf("%s: given back as %q", name, w.files[etcHosts])
		}
	}
}

// TestCutOff: what an apply that was cut off had not come to is not said to have been edited by somebody.
func TestCutOff(t *testing.T) {
	r, b := whole(oursNow), block("10.0.0.4 a.example\n")
	owned := map[render.ID]Owned{
		r.ID: {Coming: digest(r.Body), Before: original(foreign)},
		b.ID: {Coming: "something", Scope: render.Block, Body: b.Body, Before: original("127.0.0.1 localhost\n")},
	}
	have := map[render.ID]Live{r.ID: file(foreign), b.ID: file("127.0.0.1 localhost\n")}
	p, err := New([]render.Resource{r, b}, have, owned, Policy{Digest: digest})
	if err != nil || len(p.Changes) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, c := range p.Changes {
		if c.Drift || !strings.Contains(c.Reason, "cut off") {
			t.Errorf("%s: %q, drift %v", c.Name, c.Reason, c.Drift)
		}
		if want := string(owned[c.ID].Before.Data); string(c.Entry.Before.Data) != want {
			t.Errorf("%s: what stood there before is %q, want %q", c.Name, c.Entry.Before.Data, want)
		}
	}
}
