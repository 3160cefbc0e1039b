package cluster

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// What is left word of comes back, without what was in a secret.
func TestHoldings(t *testing.T) {
	secret, taken := render.ID{Kind: render.KindSecret, Name: "a/harbor"}, render.ID{Kind: render.KindSecret, Name: "a/hub"}
	h := Holdings{
		secret:  {Applied: "digest", Sensitive: true, Source: "an entry"},
		taken:   {Before: plan.Original{Data: []byte("their p4ssword")}},
		account: {Body: []byte("harbor\nhub\n"), Before: plan.Original{Data: []byte("theirs\nhub\n")}},
	}
	text := h.encode()
	if strings.Contains(text, "p4ssword") || strings.Contains(text, "digest") || strings.Contains(text, "theirs") {
		t.Errorf("it says too much: %s", text)
	}
	o := object{}
	o.set(text, "metadata", "annotations", objectsAnnotation)
	back := o.holdings()
	if len(back) != 3 || back[secret].Found || !back[taken].Found || string(back[account].Body) != "harbor\n" {
		t.Errorf("came back as %+v", back)
	}
	if again := back.encode(); again != text {
		t.Errorf("written again it is %s, and was %s", again, text)
	}
	for _, bad := range []string{"", "no JSON", `[{"kind":"file","name":"/etc/hosts"}]`, `[{"kind":"secret","name":"a/b/c"}]`, `{}`} {
		o.set(bad, "metadata", "annotations", objectsAnnotation)
		if h := o.holdings(); len(h) > 0 {
			t.Errorf("%q is read as %+v", bad, h)
		}
	}
	many := Holdings{}
	for i := range 10_000 {
		many[render.ID{Kind: render.KindSecret, Name: fmt.Sprintf("namespace-%d/harbor", i)}] = plan.Owned{}
	}
	if text := many.encode(); text != "" {
		t.Errorf("%d bytes are more than an annotation may have", len(text))
	}
	if both := h.with(many); len(both) != len(many)+3 || len(maps.Clone(h)) != 3 {
		t.Errorf("%d together", len(both))
	}
}

// Who holds the lease is judged by the server's clock.
func TestHeld(t *testing.T) {
	k := &Client{}
	now := mustTime("2026-01-01T12:00:00Z")
	k.clock.last.Store(&now)
	l := k.Lease("plant-7", "edge-1_id")
	for _, test := range []struct {
		holder, renewed string
		held            bool
	}{
		{"", "2026-01-01T11:59:00.000000Z", false},
		{"edge-1_id", "2026-01-01T11:59:00.000000Z", false},
		{"edge-2_id", "2026-01-01T11:59:00.000000Z", true},
		{"edge-2_id", "2026-01-01T12:05:00.000000Z", true}, // another API server is a little ahead
		{"edge-2_id", "2026-01-01T11:50:00.000000Z", false},
		{"edge-2_id", "2026-01-01T12:10:01.000000Z", false},
		{"edge-2_id", "1970-01-01T00:00:00.000000Z", false},
		{"edge-2_id", "", false},
		{"edge-2_id", "soon", false},
	} {
		o := object{}
		o.set(test.holder, "spec", "holderIdentity")
		o.set(test.renewed, "spec", "renewTime")
		if err := l.held(o); (err != nil) != test.held {
			t.Errorf("held by %q, renewed %q: %v", test.holder, test.renewed, err)
		} else if err != nil && !strings.Contains(err.Error(), "node edge-2 writes") {
			t.Errorf("it says %v", err)
		}
	}
	if err := l.held(nil); err != nil {
		t.Errorf("where there is no lease: %v", err)
	}
}
