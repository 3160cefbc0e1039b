package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

func TestRun(t *testing.T) {
	m := newMemory(originals)
	seen := map[string]string{} // what stood in Docker's file when an effect ran
	m.run = func(m *memory, e plan.Effect) error {
		seen[string(e.Name)] = m.files["/daemon.json"].text
		return nil
	}
	var events []string
	result, err := Run(t.Context(), story(), m, nil, m, nil, func(e Event) {
		switch {
		case e.Change != nil:
			events = append(events, string(e.Stage)+" "+e.Change.Name)
		default:
			events = append(events, string(e.Stage)+" "+string(e.Effect.Name))
		}
	})
	if err != nil || len(result.Skipped)+len(result.Unserved) != 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	same(t, "done", m.files, afterwards)
	if got := seen[string(render.ReloadDocker)]; got != "empty list" {
		t.Errorf("while Docker reloads, its file holds %q", got)
	}
	want := []string{
		"wrote /certs.d/a/hosts.toml", "wrote /certs.d/b/hosts.toml", "wrote /certs.d/c/hosts.toml", "wrote /certs.d/d/hosts.toml",
		"wrote /key", "wrote /certs.d/e/hosts.toml", "wrote /daemon.json", "wrote /config.toml",
		"running reload docker", "ran reload docker", "running restart containerd", "ran restart containerd",
	}
	if !slices.Equal(events, want) {
		t.Errorf("events\n%q\nwant\n%q", events, want)
	}
	if m.began != nil || m.owned["/key"] != "ours" || m.owned["/forgotten"] != "" {
		t.Errorf("the ledger has %v", m.owned)
	}
	if begin, write := slices.Index(m.calls, "begin"), slices.IndexFunc(m.calls, func(c string) bool { return strings.HasPrefix(c, "write") }); begin > write {
		t.Error("something was written before the ledger knew of it")
	}
	if m.calls[len(m.calls)-1] != "commit" {
		t.Errorf("the last call is %q", m.calls[len(m.calls)-1])
	}
	if slices.ContainsFunc(m.calls, func(c string) bool { return strings.HasPrefix(c, "write /forgotten") }) {
		t.Error("what is only forgotten was written")
	}
}

// TestNothingHalfDone lets every call of an apply fail, one at a time. Each time all files are as they were.
func TestNothingHalfDone(t *testing.T) {
	whole := newMemory(originals)
	if _, err := Run(t.Context(), story(), whole, nil, whole, nil, quiet); err != nil {
		t.Fatal(err)
	}
	for n, call := range whole.calls {
		m := newMemory(originals)
		m.failAt = n
		undone := ""
		_, err := Run(t.Context(), story(), m, nil, m, nil, func(e Event) {
			if e.Stage == Undoing {
				undone = e.Err.Error()
			}
		})
		what := fmt.Sprintf("call %d (%s) fails", n, call)
		if !errors.Is(err, errInjected) {
			t.Fatalf("%s: %v", what, err)
		}
		if undo := (*UndoError)(nil); errors.As(err, &undo) {
			t.Errorf("%s: the undo is said to fail: %v", what, err)
		}
		same(t, what, m.files, originals)
		if m.began != nil || len(m.owned) != 0 || len(m.dirs) != 0 {
			t.Errorf("%s: the ledger still has %v, directories %v", what, m.owned, m.dirs)
		}
		wrote := slices.ContainsFunc(m.calls[:n+1], func(c string) bool { return strings.HasPrefix(c, "write") })
		if wrote && undone == "" {
			t.Errorf("%s: nobody hears that things are put back", what)
		}
		for _, e := range story().Effects {
			ran := slices.Contains(m.calls, "run "+string(e.Name))
			again := slices.Index(m.calls, "run again "+string(e.Name))
			if ran != (again >= 0) {
				t.Errorf("%s: %s ran: %v, and again: %v", what, e.Name, ran, again >= 0)
			}
			// Docker has to see the way back before the original is there again.
			if e.Name == render.ReloadDocker && again >= 0 {
				retreat := slices.Index(m.calls, `write /daemon.json "empty list on the way back"`)
				final := len(m.calls) - slices.Index(reversed(m.calls), `write /daemon.json "old list"`) - 1
				if retreat < 0 || retreat > again || final < again {
					t.Errorf("%s: Docker reloads at %d; retreat at %d, original at %d", what, again, retreat, final)
				}
			}
		}
	}
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// TestUndoFails lets everything fail from a call on. What could not be put back is said, with the reason.
func TestUndoFails(t *testing.T) {
	whole := newMemory(originals)
	if _, err := Run(t.Context(), story(), whole, nil, whole, nil, quiet); err != nil {
		t.Fatal(err)
	}
	first := slices.IndexFunc(whole.calls, func(c string) bool { return strings.HasPrefix(c, "write") })
	for n := first + 1; n < len(whole.calls); n++ {
		m := newMemory(originals)
		m.failAt, m.hang = n, true
		_, err := Run(t.Context(), story(), m, nil, m, nil, quiet)
		var undo *UndoError
		if !errors.As(err, &undo) || undo.Cause == nil || undo.Undo == nil || !errors.Is(err, errInjected) {
			t.Fatalf("from call %d (%s) on: %v", n, whole.calls[n], err)
		}
		if m.began == nil {
			t.Errorf("from call %d (%s) on: the ledger forgot what was begun", n, whole.calls[n])
		}
	}
}

func TestEffectFails(t *testing.T) {
	m := newMemory(originals)
	m.run = func(_ *memory, e plan.Effect) error {
		if e.Name == render.RestartContainerd && !e.Undo {
			return errors.New("the CRI does not answer")
		}
		return nil
	}
	_, err := Run(t.Context(), story(), m, nil, m, nil, quiet)
	var failed *FailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "restart containerd: the CRI does not answer") {
		t.Errorf("error %v", err)
	}
	same(t, "undone", m.files, originals)
}

// TestPendingFails: an effect that no file of ours made due is not run again to undo it.
func TestPendingFails(t *testing.T) {
	m := newMemory(originals)
	m.run = func(*memory, plan.Effect) error { return errInjected }
	p := plan.Plan{Effects: []plan.Effect{{Name: render.ReloadDocker, Pending: true}}}
	if _, err := Run(t.Context(), p, m, nil, m, nil, quiet); !errors.Is(err, errInjected) {
		t.Errorf("error %v", err)
	}
	if slices.Contains(m.calls, "run again reload docker") {
		t.Error("it ran again")
	}
}

func TestNobodyToTell(t *testing.T) {
	m := newMemory(originals)
	m.run = func(_ *memory, e plan.Effect) error {
		if e.Name == render.ReloadDocker {
			return fmt.Errorf("docker: %w", ErrNotRunning)
		}
		return &UnservedError{Reason: "no systemd", Advice: "restart it"}
	}
	var stages []Stage
	result, err := Run(t.Context(), story(), m, nil, m, nil, func(e Event) {
		if e.Effect != nil {
			stages = append(stages, e.Stage)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Skipped) != 1 || result.Skipped[0].Name != render.ReloadDocker {
		t.Errorf("skipped: %+v", result.Skipped)
	}
	if len(result.Unserved) != 1 || result.Unserved[0].Cause.Advice != "restart it" || result.Unserved[0].Effect.Name != render.RestartContainerd {
		t.Errorf("unserved: %+v", result.Unserved)
	}
	if want := []Stage{Running, Skipped, Running, Unserved}; !slices.Equal(stages, want) {
		t.Errorf("stages %q, want %q", stages, want)
	}
	same(t, "done all the same", m.files, afterwards)
}

// TestStale: a node that has moved on since the plan was made is not touched.
func TestStale(t *testing.T) {
	for name := range originals {
		m := newMemory(originals)
		m.files[name] = file{"somebody's", 0o644, 0, 0, none}
		moved := maps.Clone(m.files)
		_, err := Run(t.Context(), story(), m, nil, m, nil, quiet)
		var stale *StaleError
		if !errors.As(err, &stale) || stale.Name != name {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, m.files, moved)
		if m.began != nil || slices.Contains(m.calls, "begin") {
			t.Errorf("%s: the ledger was told", name)
		}
	}
}

// TestMovesMeanwhile: a file that changes after the first look, but before its turn, is left as it then is; the others go back.
func TestMovesMeanwhile(t *testing.T) {
	m := newMemory(originals)
	m.after = func(call string) {
		if call == `write /key "secret"` {
			m.files["/config.toml"] = file{"somebody's", 0o644, 0, 0, none}
		}
	}
	_, err := Run(t.Context(), story(), m, nil, m, nil, quiet)
	var stale *StaleError
	if !errors.As(err, &stale) || stale.Name != "/config.toml" {
		t.Errorf("error %v", err)
	}
	want := maps.Clone(originals)
	want["/config.toml"] = file{"somebody's", 0o644, 0, 0, none}
	same(t, "undone", m.files, want)
}

// TestCancelled ends the context at every call. Either all is done or nothing.
func TestCancelled(t *testing.T) {
	whole := newMemory(originals)
	if _, err := Run(t.Context(), story(), whole, nil, whole, nil, quiet); err != nil {
		t.Fatal(err)
	}
	for n, call := range whole.calls {
		ctx, cancel := context.WithCancel(t.Context())
		m := newMemory(originals)
		m.after = func(string) {
			if len(m.calls) == n+1 {
				cancel()
			}
		}
		_, err := Run(ctx, story(), m, nil, m, nil, quiet)
		cancel()
		switch {
		case err == nil:
			same(t, call, m.files, afterwards)
		case errors.Is(err, context.Canceled):
			same(t, call, m.files, originals)
			if m.began != nil || len(m.owned) != 0 {
				t.Errorf("cancelled at %s: the ledger has %v", call, m.owned)
			}
		default:
			t.Errorf("cancelled at %s: %v", call, err)
		}
	}
}

// TestEmptyDirectories: a directory that was made for a file goes with it.
func TestEmptyDirectories(t *testing.T) {
	m := newMemory(map[string]file{"/certs.d/a/hosts.toml": {"ours", 0o644, 0, 0, none}})
	m.dirs = map[string]bool{"/certs.d": true, "/certs.d/a": true}
	p := plan.Plan{Changes: []plan.Change{{ID: render.ID{Kind: render.KindFile, Name: "/certs.d/a/hosts.toml"}, Action: plan.Delete, Before: []byte("ours"), DropDirs: []string{"/certs.d/a", "/certs.d"}}}}
	if _, err := Run(t.Context(), p, m, nil, m, nil, quiet); err != nil {
		t.Fatal(err)
	}
	if len(m.files)+len(m.dirs) != 0 {
		t.Errorf("left over: %v %v", m.files, m.dirs)
	}
}

func TestErrors(t *testing.T) {
	cause, undo := errors.New("cause"), errors.New("undo")
	if e := (&UndoError{cause, undo}); !errors.Is(e, cause) || !errors.Is(e, undo) || !strings.Contains(e.Error(), "cause; putting things back failed too: undo") {
		t.Errorf("%v", e)
	}
	if e := (&FailedError{cause}); !errors.Is(e, cause) || e.Error() != "cause" {
		t.Errorf("%v", e)
	}
}

// TestFrozen: a file that can not be written, now or ever (chattr +i), is no obstacle to putting the others back.
func TestFrozen(t *testing.T) {
	for _, c := range story().Changes {
		if c.Action == plan.Forget {
			continue
		}
		m := newMemory(originals)
		m.frozen = map[string]bool{c.Name: true}
		_, err := Run(t.Context(), story(), m, nil, m, nil, quiet)
		var failed *FailedError
		if !errors.As(err, &failed) || !errors.Is(err, errInjected) {
			t.Errorf("%s: %v", c.Name, err)
		}
		same(t, c.Name, m.files, originals)
		if m.began != nil || len(m.owned) != 0 {
			t.Errorf("%s: the ledger has %v", c.Name, m.owned)
		}
	}
}
