package apply

import (
	"errors"
	"slices"
	"testing"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// cut is what a journal knows of the story.
func cut() Cut {
	c := Cut{Changes: story().Changes, Effects: story().Effects}
	for _, change := range c.Changes {
		f, there := originals[change.Name]
		live := plan.Live{Mode: f.mode, UID: f.uid, GID: f.gid, Stray: change.Stray}
		if there && f.stray == none {
			live.Data = []byte(f.text)
		}
		c.Before = append(c.Before, live)
	}
	c.Ours = func(i int, live []byte) bool {
		change := c.Changes[i]
		return slices.ContainsFunc([][]byte{c.Before[i].Data, change.After, change.Interim, change.Retreat}, func(known []byte) bool { return render.Same(known, live) })
	}
	return c
}

var errKilled = errors.New("killed")

// killed runs something until the n-th call of the node or the ledger, and no further.
func killed(m *memory, n int, run func()) {
	m.calls = nil
	m.after = func(string) {
		if len(m.calls) == n+1 {
			panic(errKilled)
		}
	}
	defer func() {
		m.after = nil
		if fault := recover(); fault != nil && fault != errKilled { //nolint:errorlint // the very value
			panic(fault)
		}
	}()
	run()
}

// TestRecover kills an apply at every call, and what puts it back at every call of that. In the end all files are as they were, and
// whoever may have read them has been told.
func TestRecover(t *testing.T) {
	whole := newMemory(originals)
	if _, err := Run(t.Context(), story(), whole, nil, whole, nil, quiet); err != nil {
		t.Fatal(err)
	}
	for at, call := range whole.calls {
		again := newMemory(originals)
		killed(again, at, func() { _, _ = Run(t.Context(), story(), again, nil, again, nil, quiet) })
		again.calls = nil
		if left, err := Recover(t.Context(), cut(), again, quiet); err != nil || len(left) > 0 {
			t.Fatalf("killed at %s: left %q, %v", call, left, err)
		}
		for n, second := range again.calls {
			m := newMemory(originals)
			killed(m, at, func() { _, _ = Run(t.Context(), story(), m, nil, m, nil, quiet) })
			killed(m, n, func() { _, _ = Recover(t.Context(), cut(), m, quiet) })
			left, err := Recover(t.Context(), cut(), m, quiet)
			if err != nil || len(left) > 0 {
				t.Fatalf("killed at %s, then at %s: left %q, %v", call, second, left, err)
			}
			same(t, "killed at "+call+", then at "+second, m.files, originals)
			for _, e := range story().Effects {
				if !slices.Contains(m.calls, "run again "+string(e.Name)) {
					t.Errorf("killed at %s, then at %s: nobody ran %s", call, second, e.Name)
				}
			}
		}
	}
}

// TestRecoverLeaves: what somebody has changed since stays, and is named.
func TestRecoverLeaves(t *testing.T) {
	m := newMemory(afterwards)
	m.files["/daemon.json"] = file{"somebody's", 0o600, 0, 0, none}
	delete(m.files, "/certs.d/a/hosts.toml")
	left, err := Recover(t.Context(), cut(), m, quiet)
	if err != nil || !slices.Equal(left, []string{"/daemon.json"}) {
		t.Errorf("left %q, %v", left, err)
	}
	if got := m.files["/daemon.json"].text; got != "somebody's" {
		t.Errorf("it is %q", got)
	}
	if got := m.files["/config.toml"].text; got != "old config" {
		t.Errorf("the others are not back: %q", got)
	}
}

// TestRecoverFails: what cannot be put back is an error, and no reason to leave the rest.
func TestRecoverFails(t *testing.T) {
	m := newMemory(afterwards)
	m.frozen = map[string]bool{"/key": true}
	m.run = func(_ *memory, e plan.Effect) error {
		if e.Name == render.ReloadDocker {
			return errInjected
		}
		return nil
	}
	_, err := Recover(t.Context(), cut(), m, quiet)
	if !errors.Is(err, errInjected) {
		t.Errorf("error %v", err)
	}
	if got := m.files["/config.toml"].text; got != "old config" {
		t.Errorf("the others are not back: %q", got)
	}
}
