package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

var errInjected = errors.New("injected")

// memory is a node and a ledger in memory. Every call of theirs counts, and the one with the number failAt fails.
type memory struct {
	files  map[string]file
	dirs   map[string]bool // that were made
	owned  map[string]string
	began  *memory // as it was at Begin; nil: no apply is under way
	calls  []string
	failAt int
	hang   bool            // from the failing call on everything fails
	frozen map[string]bool // files that nobody can write

	run   func(m *memory, e plan.Effect) error // what an effect does
	after func(call string)                    // hears of each call
}

type file struct {
	text     string
	mode     fs.FileMode
	uid, gid int

	stray plan.Stray // that stands there instead; its zero value: none does
}

func newMemory(files map[string]file) *memory {
	return &memory{files: maps.Clone(files), dirs: map[string]bool{}, owned: map[string]string{}, failAt: -1}
}

func (m *memory) call(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	m.calls = append(m.calls, what)
	n := len(m.calls) - 1
	if m.after != nil {
		m.after(what)
	}
	if n == m.failAt || m.hang && m.failAt >= 0 && n > m.failAt {
		return fmt.Errorf("%s: %w", what, errInjected)
	}
	return nil
}

func (m *memory) Read(name string) (plan.Live, error) {
	if err := m.call("read %s", name); err != nil {
		return plan.Live{}, err
	}
	f, ok := m.files[name]
	if !ok {
		return plan.Live{}, nil
	}
	if f.stray != (plan.Stray{}) {
		return plan.Live{Data: []byte("what it leads to"), Stray: &f.stray}, nil
	}
	return plan.Live{Data: []byte(f.text), Mode: f.mode, UID: f.uid, GID: f.gid}, nil
}

func (m *memory) Replace(name string, s plan.Stray, data []byte, mode fs.FileMode, _ *plan.Original) error {
	if err := m.call("write %s %q", name, data); err != nil {
		return err
	}
	if m.frozen[name] {
		return fmt.Errorf("write %s: %w", name, errInjected)
	}
	if m.files[name].stray != s {
		return fmt.Errorf("%s is not %s", name, s)
	}
	m.files[name] = file{text: string(data), mode: mode}
	return nil
}

func (m *memory) Restore(name string, s plan.Stray) error {
	if err := m.call("restore %s", name); err != nil {
		return err
	}
	m.files[name] = file{stray: s}
	return nil
}

func (m *memory) Write(name string, data []byte, mode fs.FileMode, owner *plan.Original) error {
	if err := m.call("write %s %q", name, data); err != nil {
		return err
	}
	if m.frozen[name] {
		return fmt.Errorf("write %s: %w", name, errInjected)
	}
	if data == nil {
		delete(m.files, name)
		return nil
	}
	old, there := m.files[name]
	if old.stray != (plan.Stray{}) {
		return fmt.Errorf("%s was written through %s", name, old.stray)
	}
	if mode == 0 {
		mode = old.mode
	}
	f := file{text: string(data), mode: mode, uid: old.uid, gid: old.gid}
	if !there && owner != nil {
		f.uid, f.gid = owner.UID, owner.GID
	}
	m.files[name] = f
	return nil
}

func (m *memory) RemoveDir(name string) error {
	if err := m.call("rmdir %s", name); err != nil {
		return err
	}
	for f := range m.files {
		if strings.HasPrefix(f, name+"/") {
			return nil
		}
	}
	delete(m.dirs, name)
	return nil
}

func (m *memory) Run(ctx context.Context, e plan.Effect) error {
	undo := ""
	if e.Undo {
		undo = "again "
	}
	if err := m.call("run %s%s", undo, e.Name); err != nil {
		return err
	}
	if m.run != nil {
		return m.run(m, e)
	}
	return ctx.Err()
}

func (m *memory) Begin(p plan.Plan, _ []plan.Live) error {
	m.began = &memory{owned: maps.Clone(m.owned), dirs: maps.Clone(m.dirs)}
	for _, c := range p.Changes {
		for _, d := range c.MakeDirs {
			m.dirs[d] = true
		}
		m.owned[c.Name] = "coming"
	}
	return m.call("begin")
}

func (m *memory) Commit(p plan.Plan) error {
	if err := m.call("commit"); err != nil {
		return err
	}
	for _, c := range p.Changes {
		if c.Entry == nil {
			delete(m.owned, c.Name)
			continue
		}
		m.owned[c.Name] = "ours"
	}
	m.began = nil
	return nil
}

func (m *memory) Abort() error {
	if m.began != nil {
		m.owned, m.dirs, m.began = m.began.owned, m.began.dirs, nil
	}
	return m.call("abort")
}

// Settle is not called by a story of files.
func (m *memory) Settle(_, _ []plan.Change) error { panic("there are no images") }

// The story that most tests tell: a file is made with its directory, one is taken over, one goes, one comes back, one is
// closed, Docker's and containerd's files change, and one is only forgotten.
var (
	originals = map[string]file{
		"/certs.d/b/hosts.toml": {"theirs", 0o640, 3, 4, none},
		"/certs.d/c/hosts.toml": {"ours", 0o644, 0, 0, none},
		"/key":                  {"secret", 0o644, 0, 0, none},
		"/certs.d/e/hosts.toml": {stray: elsewhere},
		"/certs.d/f/hosts.toml": {stray: elsewhere},
		"/daemon.json":          {"old list", 0o600, 0, 0, none},
		"/config.toml":          {"old config", 0o644, 0, 0, none},
		"/forgotten":            {"whatever", 0o644, 0, 0, none},
	}
	afterwards = map[string]file{
		"/certs.d/a/hosts.toml": {"new", 0o644, 0, 0, none},
		"/certs.d/b/hosts.toml": {"ours", 0o640, 3, 4, none},
		"/certs.d/d/hosts.toml": {"back", 0o600, 5, 6, none},
		"/key":                  {"secret", 0o600, 0, 0, none},
		"/certs.d/e/hosts.toml": {"in its place", 0o644, 0, 0, none},
		"/certs.d/f/hosts.toml": {stray: elsewhere},
		"/daemon.json":          {"new list", 0o600, 0, 0, none},
		"/config.toml":          {"new config", 0o644, 0, 0, none},
		"/forgotten":            {"whatever", 0o644, 0, 0, none},
	}
)

var none plan.Stray

// elsewhere is what somebody has put in the place of files of ours.
var elsewhere = plan.Stray{Kind: plan.StrayLink, Link: "/elsewhere"}

func story() plan.Plan {
	change := func(name string, a plan.Action, before, after string) plan.Change {
		c := plan.Change{ID: render.ID{Kind: render.KindFile, Name: name}, Action: a, Entry: &plan.Owned{}}
		if before != "" {
			c.Before = []byte(before)
		}
		if after != "" {
			c.After = []byte(after)
		}
		return c
	}
	p := plan.Plan{
		Changes: []plan.Change{
			change("/certs.d/a/hosts.toml", plan.Create, "", "new"),
			change("/certs.d/b/hosts.toml", plan.Adopt, "theirs", "ours"),
			change("/certs.d/c/hosts.toml", plan.Delete, "ours", ""),
			change("/certs.d/d/hosts.toml", plan.Create, "", "back"),
			change("/key", plan.Update, "secret", "secret"),
			change("/certs.d/e/hosts.toml", plan.Update, "", "in its place"),
			change("/certs.d/f/hosts.toml", plan.Forget, "", ""),
			change("/forgotten", plan.Forget, "whatever", "whatever"),
			change("/daemon.json", plan.Update, "old list", "new list"),
			change("/config.toml", plan.Update, "old config", "new config"),
		},
		Effects: []plan.Effect{{Name: render.ReloadDocker}, {Name: render.RestartContainerd}},
	}
	c := p.Changes
	c[0].Mode, c[0].MakeDirs = 0o644, []string{"/certs.d/a"}
	c[2].Entry, c[6].Entry, c[7].Entry = nil, nil, nil
	c[3].Entry, c[3].Mode, c[3].Owner = nil, 0o600, &plan.Original{UID: 5, GID: 6}
	c[4].Mode = 0o600
	c[5].Mode, c[5].Stray, c[6].Stray = 0o644, &elsewhere, &elsewhere
	c[8].Interim, c[8].Retreat = []byte("empty list"), []byte("empty list on the way back")
	return p
}

func quiet(Event) {}

func same(t *testing.T, what string, got, want map[string]file) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: files are\n%v\nwant\n%v", what, got, want)
	}
}
