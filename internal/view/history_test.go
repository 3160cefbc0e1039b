package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

func anApply() (plan.Generation, []plan.Change) {
	hosts := render.ID{Kind: render.KindFile, Name: "/etc/hosts"}
	key := render.ID{Kind: render.KindFile, Name: "/key"}
	g := plan.Generation{
		Number: 2, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), Result: plan.All,
		By:      plan.Author{User: "ann", Command: "regsync apply\x1b[31m"},
		Changes: []plan.Past{{ID: hosts, Action: plan.Update}, {ID: key, Action: plan.Create, Sensitive: true}},
		Kept:    []plan.Kept{{ID: hosts, Body: "1 a\n"}},
	}
	return g, []plan.Change{
		{ID: hosts, Action: plan.Update, Reason: "differs", Before: []byte("1 a\n"), After: []byte("password=hunter2 2 a\n")},
		{ID: key, Action: plan.Create, Reason: "new", Sensitive: true, Before: []byte("hunter1"), After: []byte("hunter3")},
	}
}

func TestHistory(t *testing.T) {
	g, changes := anApply()
	back := g
	back.Number, back.Rollback, back.Result, back.Changes = 4, 2, plan.Part, nil
	var text, one, doc, docs bytes.Buffer
	list := []plan.Generation{g, {Number: 3, Damage: "the checksum does not hold"}, back}
	Text{W: &text}.History(list)
	want := `      APPLIED               BY   RESULT  CHANGES
   2  2026-01-02T02:04:05Z  ann  done    1 created, 1 updated
   3  damaged: the checksum does not hold
   4  2026-01-02T02:04:05Z  ann  part    rollback to 2: effects only
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
	Text{W: &one}.Generation(g, changes)
	if err := GenerationJSON(&doc, g, changes); err != nil {
		t.Fatal(err)
	}
	if err := HistoryJSON(&docs, list); err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]string{"text": one.String(), "JSON": doc.String(), "JSON of all": docs.String()} {
		if strings.Contains(got, "hunter") || strings.Contains(got, "\x1b") || strings.Contains(got, "resources") {
			t.Errorf("%s tells too much:\n%s", what, got)
		}
	}
	for _, got := range []string{one.String(), doc.String()} {
		if !strings.Contains(got, "--- /etc/hosts (generation 1)") || !strings.Contains(got, "+password=(sensitive) 2 a") {
			t.Errorf("no diff in\n%s", got)
		}
	}
}

func TestStatus(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	id := render.ID{Kind: render.KindFile, Name: "/a"}
	change := plan.Plan{Changes: []plan.Change{{ID: id, Action: plan.Create, Reason: "why"}}}
	effect := plan.Plan{Effects: []plan.Effect{{Name: render.ReloadDocker, Reason: "daemon.json"}}}
	conflict := plan.Plan{Conflicts: []plan.Conflict{{ID: id, Reason: "k3s's"}}}
	for _, tt := range []struct {
		name      string
		status    Status
		converged bool
		pending   string
	}{
		{"fresh", Status{}, true, `"pending": [],`},
		{"done", Status{Generation: 1, AppliedAt: at, Plan: &plan.Plan{}}, true, `"planned": true,`},
		{"drift", Status{Generation: 1, AppliedAt: at, Drift: []plan.Drifted{{ID: id, Reason: "was"}}}, false, `"name": "/a",`},
		{"cut off", Status{Unfinished: true}, false, `"unfinished": true,`},
		{"change", Status{Plan: &change}, false, `"action": "create",`},
		{"effect", Status{Plan: &effect}, false, `"kind": "effect",`},
		{"conflict", Status{Plan: &conflict}, false, `"action": "conflict",`},
		{"damaged", Status{Damage: "the ledger is"}, false, `"damage": "the ledger is"`},
		{"watched", Status{Generation: 1, Watch: &beacon.Status{Running: true}}, true, `"running": true,`},
		{"only watched", Status{Unread: "permission denied", Watch: &beacon.Status{Running: true}}, false, `"unread": "permission denied"`},
		{"failed", Status{LastError: "no room"}, true, `"lastError": "no room"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var doc, text bytes.Buffer
			if err := StatusJSON(&doc, tt.status); err != nil {
				t.Fatal(err)
			}
			Text{W: &text}.Status(tt.status)
			if tt.status.Converged() != tt.converged || !strings.Contains(doc.String(), tt.pending) {
				t.Errorf("converged is %v, the document\n%s", tt.status.Converged(), doc.String())
			}
			if converged := strings.Contains(text.String(), "Converged."); converged != (tt.converged && tt.status.Generation > 0) {
				t.Errorf("the text is\n%s", text.String())
			}
		})
	}
}
