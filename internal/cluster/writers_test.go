package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Two writers add their references to one service account, and one of them takes its own away again, a hundred times: nothing is lost, and
// what stood there before stays first.
func TestTwoWriters(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	one, two := client(t, k, "admin"), client(t, k, "admin")
	if err := k.Await(t.Context(), "serviceaccount", "default/default", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := one.Apply(t.Context(), names(account, nil, []string{"theirs"})); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	g.Go(func() error {
		for i := range 100 {
			if err := one.Apply(t.Context(), names(account, nil, []string{fmt.Sprintf("one-%d", i)})); err != nil {
				return fmt.Errorf("adding one-%d: %w", i, err)
			}
		}
		return nil
	})
	g.Go(func() error {
		for i := range 100 {
			mine := []string{fmt.Sprintf("two-%d", i)}
			if err := two.Apply(t.Context(), names(account, nil, mine)); err != nil {
				return fmt.Errorf("adding two-%d: %w", i, err)
			}
			if err := two.Apply(t.Context(), names(account, mine, nil)); err != nil {
				return fmt.Errorf("taking two-%d away: %w", i, err)
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(live(t, one, account)))
	want := []string{"theirs"}
	for i := range 100 {
		want = append(want, fmt.Sprintf("one-%d", i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the service account refers to %d secrets, want %d:\n%v", len(got), len(want), got)
	}
}

// Of many nodes that try at once, one gets the lease.
func TestRaceForLease(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	const nodes = 8
	outcome := make([]error, nodes)
	var g errgroup.Group
	for i := range nodes {
		c := client(t, k, "admin")
		g.Go(func() error {
			outcome[i] = c.Lease("plant-7", fmt.Sprintf("edge-%d_%d", i, i)).Take(t.Context(), nil)
			return nil
		})
	}
	g.Wait()
	got := 0
	for i, err := range outcome {
		held := (*HeldError)(nil)
		switch {
		case err == nil:
			got++
		case !errors.As(err, &held):
			t.Errorf("node %d: %v", i, err)
		}
	}
	if got != 1 {
		t.Errorf("%d of %d nodes hold the lease", got, nodes)
	}
}

// A secret is changed only if it is as the plan saw it; what others put beside our part is no hindrance.
func TestSecretThatChanged(t *testing.T) {
	k := server(t)
	if k == nil {
		return
	}
	c := client(t, k, "admin")
	id := render.ID{Kind: render.KindSecret, Name: "default/harbor"}
	body := func(password string) []byte {
		return render.PullSecret{ManagedBy: "regsync", Owner: "regsync", Config: []byte(`{"auths":{"a.corp":{"password":"` + password + `"}}}`)}.Encode()
	}
	apply := func(before, after []byte) error {
		return c.Apply(t.Context(), plan.Change{ID: id, Action: plan.Update, Before: before, After: after})
	}
	if err := apply(nil, body("one")); err != nil {
		t.Fatal(err)
	}
	changed := (*ChangedError)(nil)
	for name, try := range map[string]func() error{
		"made though it is there":     func() error { return apply(nil, body("two")) },
		"changed from something else": func() error { return apply(body("zero"), body("two")) },
		"removed though it is other":  func() error { return apply(body("zero"), nil) },
	} {
		if err := try(); !errors.As(err, &changed) {
			t.Errorf("%s: error %v, want a ChangedError", name, err)
		}
	}
	if got := live(t, c, id); string(got) != string(body("one")) {
		t.Fatalf("the secret became %s", got)
	}
	path, err := k.Path(t.Context(), "secret", id.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Do(t.Context(), "PATCH", path, map[string]any{"metadata": map[string]any{"labels": map[string]any{"site": "plant"}}}); err != nil {
		t.Fatal(err)
	}
	if err := apply(body("one"), body("two")); err != nil {
		t.Errorf("with a label of somebody's beside ours: %v", err)
	}
	if err := apply(body("two"), nil); err != nil {
		t.Error(err)
	}
	if got := live(t, c, id); got != nil {
		t.Errorf("the secret is still there: %s", got)
	}
	if err := apply(body("two"), nil); !errors.As(err, &changed) {
		t.Errorf("removed though it is gone: error %v, want a ChangedError", err)
	}
	elsewhere := render.ID{Kind: render.KindSecret, Name: "nowhere/harbor"}
	err = c.Apply(t.Context(), plan.Change{ID: elsewhere, Action: plan.Create, After: body("one")})
	if err == nil || !strings.Contains(err.Error(), `namespace "nowhere" is not there`) {
		t.Errorf("a secret in no namespace: error %v", err)
	}
}
