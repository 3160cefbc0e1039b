package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

func generations(t *testing.T, l *Ledger) []Generation {
	t.Helper()
	list, err := l.Generations()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func contents(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "generations", "blobs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// doKeeping applies p as an apply whose policy keeps so many generations.
func doKeeping(t *testing.T, l *Ledger, p plan.Plan, keep int) {
	t.Helper()
	g := at(noon, "spec")
	g.History = keep
	if err := errors.Join(begin(l, p), l.Commit(p, g)); err != nil {
		t.Fatal(err)
	}
}

func TestGenerations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	if len(generations(t, l)) != 0 {
		t.Error("a new ledger has generations")
	}
	l.Services = Services{Socket: "/s"}
	block := plan.Change{
		ID: id("/etc/hosts"), Action: plan.Update, Reason: "why", After: []byte("1\n2\n"),
		Entry: &plan.Owned{Scope: render.Block, Body: []byte("2\n"), Effect: render.ReloadDocker, Mode: 0o644},
	}
	secret := change("/key", "old secret", "new secret")
	secret.Sensitive, secret.Entry.Sensitive = true, true
	doKeeping(t, l, of(change("/a", "was", "same"), change("/b", "", "same"), block, secret), 2)

	l = look(t, dir)
	list := generations(t, l)
	if len(list) != 1 {
		t.Fatalf("%d generations", len(list))
	}
	g := list[0]
	if g.Number != 1 || !g.At.Equal(noon.Truncate(time.Second)) || g.Result != plan.All || g.SpecDigest != "spec" || g.Services.Socket != "/s" {
		t.Errorf("the generation is %+v", g)
	}
	if len(g.Changes) != 4 || g.Changes[2].Action != plan.Update || g.Changes[2].Reason != "why" || !g.Changes[3].Sensitive {
		t.Errorf("its changes are %+v", g.Changes)
	}
	want := []plan.Kept{
		{ID: id("/a"), Mode: 0o644, Digest: l.Digest([]byte("same"))},
		{ID: id("/b"), Mode: 0o644, Digest: l.Digest([]byte("same"))},
		{ID: id("/etc/hosts"), Scope: render.Block, Body: "2\n", Mode: 0o644, Effect: render.ReloadDocker, Digest: l.Digest([]byte("1\n2\n"))},
		{ID: id("/key"), Mode: 0o644, Digest: l.Digest([]byte("new secret")), Sensitive: true},
	}
	if !slices.Equal(g.Kept, want) {
		t.Errorf("kept is %+v, want %+v", g.Kept, want)
	}
	if got := contents(t, dir); !slices.Equal(got, []string{l.Digest([]byte("same"))}) {
		t.Errorf("contents %q", got)
	}
	if got := l.Content(l.Digest([]byte("same"))); string(got) != "same" {
		t.Errorf("the content is %q", got)
	}
	if got := l.Content(l.Digest([]byte("new secret"))); got != nil {
		t.Errorf("a secret is kept: %q", got)
	}
	for _, name := range []string{"generations/1", "generations/blobs/" + l.Digest([]byte("same"))} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}

	// Of the older ones only so many stay, and of their contents only what is still named.
	doKeeping(t, look(t, dir), of(change("/a", "was", "other")), 2)
	doKeeping(t, look(t, dir), of(leave("/b")), 2)
	l = look(t, dir)
	list = generations(t, l)
	if len(list) != 2 || list[0].Number != 2 || list[1].Number != 3 || len(list[1].Kept) != 3 {
		t.Errorf("left are %+v", list)
	}
	if n := len(contents(t, dir)); n != 2 {
		t.Errorf("%d contents, want those of /a and of /b in generation 2", n)
	}
	doKeeping(t, l, of(leave("/key")), 1)
	if got := contents(t, dir); !slices.Equal(got, []string{l.Digest([]byte("other"))}) {
		t.Errorf("contents %q", got)
	}
}

// TestGenerationDamage flips every byte of a generation and cuts it at every place: it is listed, and nothing in it is believed.
func TestGenerationDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	do(t, open(t, dir), of(change("/a", "was", "is")))
	do(t, look(t, dir), of(change("/b", "", "x")))
	l := look(t, dir)
	file := filepath.Join(dir, "generations", "1")
	whole := read(t, file)
	try := func(what string, place int, data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		list := generations(t, l)
		if len(list) != 2 || list[0].Damage == "" || list[0].Number != 1 || list[0].Kept != nil || list[1].Damage != "" {
			t.Fatalf("%s at %d is trusted: %+v", what, place, list)
		}
	}
	for i := range whole {
		data := bytes.Clone(whole)
		data[i] ^= 0x20
		try("a flip", i, data)
		if i < len(whole)-1 {
			try("a cut", i, whole[:i])
		}
	}
	try("the other one", 0, read(t, filepath.Join(dir, "generations", "2")))
	try("a newer format", 0, encode(generationFile{FormatVersion: "2", Generation: Generation{Generation: plan.Generation{Number: 1}}}))

	// It is in nobody's way, and what was being written when a run was killed goes.
	cut := filepath.Join(dir, "generations", ".3123")
	if err := os.WriteFile(cut, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	do(t, l, of(change("/c", "", "c")))
	if list := generations(t, l); len(list) != 3 || list[2].Number != 3 {
		t.Errorf("after a damaged one: %+v", list)
	}
	if _, err := os.Stat(cut); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a generation is still there: %v", err)
	}
	content := filepath.Join(dir, "generations", "blobs", l.Digest([]byte("c")))
	if err := os.WriteFile(content, []byte("d"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := l.Content(l.Digest([]byte("c"))); got != nil {
		t.Errorf("a content that was changed is given: %q", got)
	}
}

// TestGenerationOfNothing: what failed leaves no generation, and a ledger that begins anew writes over none.
func TestGenerationOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	do(t, open(t, dir), of(change("/a", "was", "is")))
	l := look(t, dir)
	if err := errors.Join(begin(l, of(change("/b", "", "b"))), l.Abort()); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir); !slices.Equal(got, []string{l.Digest([]byte("is"))}) {
		t.Errorf("contents after an abort: %q", got)
	}
	if err := os.WriteFile(l.file(), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	l = look(t, dir)
	do(t, l, of(change("/c", "", "c")))
	if list := generations(t, l); len(list) != 2 || list[1].Number != 2 || l.Generation != 2 {
		t.Errorf("after a damaged ledger: %+v", list)
	}
	// Nor does a reset leave one.
	doKeeping(t, l, of(leave("/c")), -1)
	if list := generations(t, l); len(list) > 0 && list[len(list)-1].Number > 2 {
		t.Errorf("a reset left %+v", list)
	}
}

// TestFinish: what stands for itself is tried after the files are done.
func TestFinish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	image := func(name string) plan.Change {
		i := &render.Image{Target: render.Descriptor{Digest: "sha256:" + name}}
		return plan.Change{ID: render.ID{Kind: render.KindImage, Name: name}, Action: plan.Create, Image: i, Entry: &plan.Owned{Image: i}}
	}
	good, bad := image("good"), image("bad")
	l := open(t, dir)
	if err := errors.Join(begin(l, of(change("/a", "", "a"), good, bad)), l.Commit(of(change("/a", "", "a")), at(noon, ""))); err != nil {
		t.Fatal(err)
	}
	if g := generations(t, l)[0]; g.Result != plan.Part || len(g.Changes) != 3 {
		t.Errorf("cut off here it would be %+v", g)
	}
	if err := errors.Join(l.Settle([]plan.Change{good}, []plan.Change{bad}), l.Finish(plan.Part, []plan.Change{bad})); err != nil {
		t.Fatal(err)
	}
	g := generations(t, look(t, dir))[0]
	if g.Result != plan.Part || len(g.Changes) != 2 || len(g.Kept) != 2 || g.Kept[1].Image != "sha256:good" {
		t.Errorf("finished it is %+v", g)
	}
	p := of(image("bad"))
	l = look(t, dir)
	if err := errors.Join(begin(l, p), l.Commit(of(), at(noon, "")), l.Settle(p.Changes, nil), l.Finish(plan.All, nil)); err != nil {
		t.Fatal(err)
	}
	if g := generations(t, l)[1]; g.Result != plan.All || len(g.Changes) != 1 || len(g.Kept) != 3 {
		t.Errorf("with the other image it is %+v", g)
	}
}

func TestFailure(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l := open(t, dir)
	if err := l.Fail(Failure{Message: "no"}); err != nil || l.Failure() != nil {
		t.Errorf("where nothing is ours, something is remembered: %v", err)
	}
	do(t, l, of(change("/a", "was", "is")))
	l = look(t, dir)
	if err := l.Fail(Failure{At: noon, Message: "no room"}); err != nil {
		t.Fatal(err)
	}
	if f := look(t, dir).Failure(); f == nil || f.Message != "no room" || !f.At.Equal(noon) {
		t.Errorf("remembered is %+v", f)
	}
	if err := errors.Join(l.Succeed(), l.Succeed()); err != nil || l.Failure() != nil {
		t.Errorf("after a success: %v", err)
	}
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, filepath.Dir(dir)); slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, "state/") }) {
		t.Errorf("left over: %q", files)
	}
}

// TestGenerationsHealed: what only puts things back takes no room from what was asked for.
func TestGenerationsHealed(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "state"))
	change := func(text string, drift bool) plan.Plan {
		return plan.Plan{Changes: []plan.Change{{
			ID: id("/etc/a"), Action: plan.Update, Reason: "why", Before: []byte(text), After: []byte(text), Drift: drift, Entry: &plan.Owned{Mode: 0o644},
		}}}
	}
	for _, text := range []string{"1", "2", "3"} {
		doKeeping(t, l, change(text, false), 2)
		for range 4 {
			doKeeping(t, l, change(text, true), 2)
		}
	}
	var kept []string
	for _, g := range generations(t, l) {
		kept = append(kept, fmt.Sprint(g.Number, g.Healed))
	}
	if want := []string{"6 false", "11 false", "14 true", "15 true"}; !slices.Equal(kept, want) {
		t.Errorf("kept are %q, want %q", kept, want)
	}
	if l.Content(l.Digest([]byte("2"))) == nil {
		t.Error("what generation 6 left is lost")
	}
}
