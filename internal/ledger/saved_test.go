package ledger

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

func savedPlan() Saved {
	secret := change("/key", "old secret", "new secret")
	secret.Sensitive, secret.Entry.Sensitive = true, true
	open := change("/a", "", "text")
	open.Asks = []render.Endpoint{{URL: "https://a", Key: []byte("private key")}}
	open.MakeDirs, open.Mode = []string{"/d"}, 0o644
	empty := change("/empty", "", "")
	p := of(open, secret, empty)
	p.Effects = []plan.Effect{{Name: render.ReloadDocker, Reason: "daemon.json"}}
	p.Waiting, p.Unchanged = []string{"for something"}, 4
	return Saved{Files: []string{"/f", "-"}, Source: plan.Source{SpecDigest: "spec", Files: []string{"/d/f"}}, Generation: 3, Services: Services{Socket: "/s"}, Plan: p}
}

func TestSeal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	given := savedPlan()
	data, err := l.Seal(given)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"secret", "private key", "b2xkIHNlY3JldA", "bmV3IHNlY3JldA", "cHJpdmF0ZSBrZXk"} { // in base64 too
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%q is in the saved plan", secret)
		}
	}
	if string(given.Plan.Changes[1].After) != "new secret" || string(given.Plan.Changes[1].Entry.Before.Data) != "old secret" {
		t.Error("sealing took the secrets out of the plan that it was given")
	}

	if !look(t, dir).Unused() {
		t.Error("a plan that was sealed and not kept leaves something behind")
	}
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	l = look(t, dir) // another run
	if l.Unused() {
		t.Error("a ledger whose key a saved plan needs counts as unused")
	}
	got, err := l.Unseal(data)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Secret() {
		t.Error("it does not say that it lacks secrets")
	}
	if err := l.Complete(&got, given.Plan); err != nil {
		t.Fatal(err)
	}
	want := given.Plan
	want.Changes[0].Asks = nil
	if d := cmp.Diff(want, got.Plan); d != "" {
		t.Errorf("the plan (-want +got):\n%s", d)
	}
	if d := cmp.Diff(given.Files, got.Files); d != "" || got.Generation != 3 || got.Source.SpecDigest != "spec" || got.Services.Socket != "/s" {
		t.Errorf("beside the plan: %+v", got)
	}
}

func TestCompleteRefuses(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "state"))
	data, err := l.Seal(savedPlan())
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*plan.Plan){
		"another secret":         func(p *plan.Plan) { p.Changes[1].After = []byte("newer secret") },
		"another file there":     func(p *plan.Plan) { p.Changes[1].Before = []byte("other secret") },
		"no file there":          func(p *plan.Plan) { p.Changes[1].Before = nil },
		"nothing to do any more": func(p *plan.Plan) { p.Changes = p.Changes[:1] },
	} {
		saved, err := l.Unseal(data)
		if err != nil {
			t.Fatal(err)
		}
		fresh := savedPlan().Plan
		edit(&fresh)
		if err := l.Complete(&saved, fresh); err == nil || !strings.Contains(err.Error(), `"/key"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnsealRefuses(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "state"))
	data, err := l.Seal(savedPlan())
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, filepath.Join(t.TempDir(), "state"))
	if err := other.Prepare(); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Unseal(data); err == nil || !strings.Contains(err.Error(), "another node") {
		t.Errorf("another node's: %v", err)
	}
	if _, err := look(t, t.TempDir()).Unseal(data); err == nil {
		t.Error("a node without a key takes it")
	}
	for i := range data {
		edited := bytes.Clone(data)
		edited[i] ^= 0x01
		if got, err := l.Unseal(edited); err == nil && cmp.Diff(got.Plan.Changes, mustUnseal(t, l, data).Plan.Changes) != "" {
			t.Fatalf("edited at byte %d (%q), it is taken", i, data[i])
		}
	}
	for _, junk := range []string{"", "{}", "[]", "null", `{"kind":"regsync plan"}`, `{"kind":"regsync plan","formatVersion":"9"}`} {
		if _, err := l.Unseal([]byte(junk)); err == nil {
			t.Errorf("%q is taken", junk)
		}
	}
}

func mustUnseal(t *testing.T, l *Ledger, data []byte) Saved {
	t.Helper()
	s, err := l.Unseal(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
