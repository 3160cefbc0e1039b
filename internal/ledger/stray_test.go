package ledger

import (
	"path/filepath"
	"testing"

	"github.com/regsync/regsync/plan"
)

// TestLinkIsRemembered: that a file was taken over through a link is known as long as it is ours, also by a generation alone.
func TestLinkIsRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "regsync")
	l := open(t, dir)
	c := change("/a", "was", "is")
	c.Entry.Before = plan.Original{Data: []byte("was"), Mode: 0o640, UID: 1, GID: 2, Link: "../shared"}
	c.Via = "../shared"
	do(t, l, of(c))
	if before := owned(t, look(t, dir))[id("/a")].Before; before.Link != "../shared" {
		t.Errorf("the original is %+v", before)
	}
	if before, ok := look(t, dir).Original(id("/a")); !ok || before.Link != "../shared" || string(before.Data) != "was" {
		t.Errorf("by the generation it is %+v, %v", before, ok)
	}
}

// TestJournalOfStray: what stood in the place of a file is in the journal, and nothing of what it leads to is kept.
func TestJournalOfStray(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "regsync")
	l := open(t, dir)
	stray := plan.Stray{Kind: plan.StrayLink, Link: "/elsewhere", UID: 5}
	replaced, through := change("/a", "", "is"), change("/b", "was", "is")
	replaced.Stray, through.Via = &stray, "/shared"
	if err := begin(l, of(replaced, through)); err != nil {
		t.Fatal(err)
	}
	cut := look(t, dir).Cut()
	if len(cut.Changes) != 2 || cut.Changes[0].Stray == nil || *cut.Changes[0].Stray != stray || cut.Changes[0].Via != "" || cut.Before[0].Data != nil {
		t.Errorf("the journal says %+v of %+v", cut.Before, cut.Changes)
	}
	if cut.Changes[1].Stray != nil || cut.Changes[1].Via != "/shared" || string(cut.Before[1].Data) != "was" {
		t.Errorf("the journal says %+v of %+v", cut.Before, cut.Changes)
	}
}
