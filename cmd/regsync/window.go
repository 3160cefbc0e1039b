package main

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// await takes out of the plan what needs a restart, if policy.effects wants that to wait for a time that is not now. What does not run is disturbed
// by nothing, and what is down because of its file cannot wait.
func (t *trip) await(ctx context.Context, v *services, now time.Time) error {
	effects := t.spec.Policy.Effects
	if effects.Restart != "window" || v.baking || !v.version(ctx).Known() {
		return nil
	}
	window, err := spec.ParseWindow(effects.Window)
	if err != nil || window.Contains(now) {
		return err
	}
	for _, e := range t.plan.Effects {
		if e.Name == render.RestartContainerd && e.Repairs {
			return nil
		}
	}
	t.opens = window.Next(now)
	why := fmt.Sprintf("it needs a restart of containerd, which waits for %s (policy.effects)", t.opens.Format("Mon 2006-01-02 15:04"))
	t.plan, t.held = t.plan.Hold(func(c plan.Change) string {
		if c.Effect != render.RestartContainerd || c.Action == plan.Forget {
			return ""
		}
		return why
	})
	if len(t.held) == 0 {
		t.opens = time.Time{}
	}
	for _, h := range t.held {
		what := path.Base(h.Name)
		if h.Name == "" {
			what = "what containerd has not loaded yet"
		}
		t.plan.Waiting = append(t.plan.Waiting, what+": "+h.Why)
	}
	return nil
}
