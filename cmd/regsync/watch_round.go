package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// round is one look at the node, and what came of it.
type round struct {
	beacon.Round
	acted   bool          // it began to change something
	effects []plan.Effect // that ran
	waits   bool          // for something of which nobody says when it is there
	busy    bool          // another regsync is at work
	until   time.Time     // when something that waits may be done; zero: nobody knows
}

// converged reports whether the node is as the file says.
func (r *round) converged() bool {
	return !r.Began.IsZero() && r.Err == nil && r.Spec == nil && len(r.Failed)+len(r.Pending) == 0
}

// round looks at the node, and changes it only if something differs: a look writes nothing.
func (w *watcher) round(ctx context.Context, causes []string) round {
	r := round{Round: beacon.Round{Began: time.Now(), Causes: causes}}
	if w.brief = w.isBrief(causes); !w.brief {
		w.answers.Forget()
	}
	due, err := w.look(ctx, &r)
	if err == nil && due {
		err = w.act(ctx, &r)
	}
	if locked := (*ledger.LockedError)(nil); errors.As(err, &locked) {
		r.busy, err = true, nil
		r.pend(plan.Change{}, beacon.Busy, time.Time{}, locked.Error())
	}
	r.Err, r.Spec, r.Took = err, w.bad, time.Since(r.Began)
	return r
}

// isBrief reports whether only something of the node or of the cluster has changed. There may be much of that (a pod that ends is an event), and it is to be healed
// though nobody outside answers: whether a tag has moved, and what a program has for a password, is asked at a resync, at a retry, or when the file is another.
func (w *watcher) isBrief(causes []string) bool {
	return !slices.ContainsFunc(causes, func(cause string) bool {
		event := strings.HasPrefix(cause, "containerd: ") || strings.HasPrefix(cause, "kubernetes: ")
		return !event && (!path.IsAbs(cause) || w.inputs[cause])
	})
}

// wrote reports whether a file was written by the round itself.
func (r *round) wrote(name string) bool {
	return len(r.Done)+len(r.effects) > 0 && path.Base(name) == ledgerFile ||
		slices.ContainsFunc(r.Done, func(c plan.Change) bool { return c.Kind == render.KindFile && c.Name == name })
}

// pend remembers that a change waits. One without a name stands for an effect alone.
func (r *round) pend(c plan.Change, wait beacon.Wait, until time.Time, why string) {
	p := beacon.Pending{ID: c.ID, Wait: wait, Reason: view.Masked(why)}
	switch {
	case c.Action != 0:
		p.Action = c.Action.String()
	case c.Effect != "":
		p.ID, p.Action = render.ID{Kind: "effect", Name: string(c.Effect)}, "run"
	}
	if !until.IsZero() {
		p.Until = &until
	}
	r.Pending = append(r.Pending, p)
}

// look finds out whether there is anything to do now.
func (w *watcher) look(ctx context.Context, r *round) (due bool, err error) {
	s, err := w.open(ctx, false)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r.Generation = s.ledger.Generation
	left, waits, err := s.waits()
	if err != nil {
		return false, err
	}
	if waits && left > 0 {
		r.until = time.Now().Add(left)
		r.pend(plan.Change{}, beacon.Report, r.until, "the last apply waits to be confirmed")
		w.listen(ctx, s, trip{})
		return false, nil
	}
	t, err := w.journey(ctx, s)
	defer t.close()
	w.listen(ctx, s, t)
	if err != nil {
		return false, err
	}
	now := time.Now()
	w.hold(s, &t, r, now)
	t.reach.hold(ctx)
	back := s.ledger.RolledBack
	if back > 0 {
		r.pend(plan.Change{}, beacon.Report, time.Time{}, fmt.Sprintf("the node was taken back to generation %d: until the next apply it is only looked at", back))
	}
	if w.reportOnly || back > 0 {
		for _, c := range t.plan.Changes {
			r.pend(c, beacon.Report, time.Time{}, c.Reason)
		}
		for _, e := range t.plan.Effects {
			r.pend(plan.Change{Effect: e.Name}, beacon.Report, time.Time{}, e.Reason)
		}
		return false, nil
	}
	fetches := s.unfetched && w.failures.Until(fetching, now).IsZero()
	return s.ledger.Journal != nil || s.ledger.JournalDamage != "" || !t.plan.Empty() || fetches, nil
}

// fetching stands for archives that are yet to be fetched, among what can fail.
const fetching = "archives"

// act does what is to be done.
func (w *watcher) act(ctx context.Context, r *round) (err error) {
	s, err := w.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t, err := w.journey(ctx, s)
	defer t.close()
	known := len(t.plan.Conflicts)
	if err == nil {
		err = w.askAhead(ctx, s, &t, false)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	r.Pending, r.waits = nil, false
	for _, c := range t.plan.Conflicts[known:] { // it may answer soon
		w.failures.Done(thing(c.ID), now)
	}
	for _, c := range t.plan.Conflicts {
		if c.Kind == render.KindImage {
			w.failures.Done(fetching, now)
		}
	}
	w.hold(s, &t, r, now)
	if t.plan.Empty() {
		return nil
	}
	r.acted = true
	_, result, err := w.carry(ctx, s, t, consent{yes: true}, len(r.Pending) > 0, w.heed)
	t.reach.hold(ctx)
	r.Generation = s.ledger.Generation
	w.learn(r, t.plan, result, err, time.Now())
	if moved := (*movedError)(nil); errors.As(err, &moved) {
		w.bell.Ring(moved.Error())
	}
	return w.noted(s, err)
}

// journey is the road, with the file that stands there now. Where no plan can be made of that one, the last one of which one could be stays in force.
func (w *watcher) journey(ctx context.Context, s *site) (trip, error) {
	list, err := w.sources()
	w.given = list
	var t trip
	if err == nil {
		t, err = w.travel(ctx, s)
	}
	if err == nil {
		if w.bad != nil {
			w.log.Info("the file is mended")
		}
		if w.good != nil && digestOf(list) != digestOf(w.good) {
			w.forgive()
		}
		w.good, w.bad = list, nil
		return t, nil
	}
	if ctx.Err() != nil || w.good == nil || list != nil && digestOf(list) == digestOf(w.good) {
		return t, err
	}
	if w.bad == nil || w.bad.Error() != err.Error() {
		w.complain(fmt.Errorf("the file cannot be used, and the last good one stays in force: %w", err), hintOf(err))
	}
	w.bad = err
	t.close()
	w.given = w.good
	return w.travel(ctx, s)
}

// hold takes out of the plan what is not to be done now, and says of everything that stays as it is why.
func (w *watcher) hold(s *site, t *trip, r *round, now time.Time) {
	type reason struct {
		wait  beacon.Wait
		until time.Time
	}
	reasons := map[string]reason{}
	why := func(wait beacon.Wait, until time.Time, format string, args ...any) string {
		text := fmt.Sprintf(format, args...)
		reasons[text] = reason{wait, until}
		return text
	}
	against, barred := objections(s, *t, consent{}), map[render.ID]string{}
	for _, c := range t.plan.Conflicts {
		if c.Bars() {
			barred[c.ID] = c.Reason
		}
	}
	var held []plan.Held
	t.plan, held = t.plan.Hold(func(c plan.Change) string {
		if cause, is := barred[c.ID]; is {
			return why(beacon.Conflict, time.Time{}, "%s", cause)
		}
		for _, o := range against {
			if o.to(c) {
				return why(beacon.Guard, time.Time{}, "%s (%s)", o.Message, o.Hint)
			}
		}
		if until := w.fights.Until(thing(c.ID), now); c.Drift && !until.IsZero() {
			return why(beacon.Fight, until, "it %s, again and again: it is left alone for a while", c.Reason)
		}
		if until := w.failures.Until(thing(c.ID), now); !until.IsZero() {
			return why(beacon.Retry, until, "it failed, and is tried again")
		}
		if until := w.restarts.Until(effect(c.Effect), now); c.Effect != "" && !until.IsZero() {
			return why(beacon.Retry, until, "%s did not succeed, and is tried again", c.Effect)
		}
		return ""
	})
	said := map[render.ID]bool{}
	for _, h := range held {
		said[h.ID] = true
		r.pend(h.Change, reasons[h.Why].wait, reasons[h.Why].until, h.Why)
	}
	for _, c := range t.plan.Conflicts {
		if !said[c.ID] {
			r.pend(plan.Change{ID: c.ID}, beacon.Conflict, time.Time{}, c.Reason)
		}
	}
	for _, h := range t.held {
		r.pend(h.Change, beacon.Window, t.opens, h.Why)
	}
	absent := t.plan.Waiting[:len(t.plan.Waiting)-len(t.held)] // those are the last
	for _, what := range absent {
		r.pend(plan.Change{}, beacon.Absent, time.Time{}, what)
	}
	r.until, r.waits = t.opens, len(absent) > 0
}

func thing(id render.ID) string {
	name := string(id.Kind) + " " + id.Name
	if id.Node != "" {
		name += " on " + id.Node
	}
	return name
}

func effect(e render.Effect) string { return "effect " + string(e) }

// heed tells of what happens during an apply.
func (w *watcher) heed(e apply.Event) {
	w.beacon.Event(e)
	w.note(e)
}

// learn takes from how an apply went what to leave alone for a while.
func (w *watcher) learn(r *round, p plan.Plan, result apply.Result, err error, now time.Time) {
	file, stale, eff := (*apply.FileError)(nil), (*apply.StaleError)(nil), (*apply.EffectError)(nil)
	switch {
	case errors.As(err, &file):
		w.failures.Done("file "+file.Name, now)
		w.bell.Ring("the rest") // the others do not wait for it
	case errors.As(err, &stale):
		w.failures.Done("file "+stale.Name, now)
		w.bell.Ring("the rest")
	case errors.As(err, &eff):
		w.restarts.Done(effect(eff.Name), now)
		w.bell.Ring("the rest")
	}
	if err != nil {
		return
	}
	undone := map[render.ID]bool{}
	r.Failed = result.Failed
	for _, f := range result.Failed {
		undone[f.Change.ID] = true
		w.failures.Done(thing(f.Change.ID), now)
		w.complain(fmt.Errorf("%s: %w", f.Change.Name, f.Err), hintOfFailure(f.Err))
	}
	for _, f := range result.Elsewhere {
		undone[f.Change.ID] = true
		w.log.Info("not applicable", slog.String("name", f.Change.Name), slog.String("why", f.Err.Error()))
	}
	unserved := map[render.Effect]bool{}
	for _, u := range result.Unserved {
		unserved[u.Effect.Name] = true
		w.warn(fmt.Sprintf("%s is still to be done: %v", u.Effect.Name, u.Cause), u.Cause.Advice)
		r.pend(plan.Change{Effect: u.Effect.Name}, beacon.Retry, w.restarts.Done(effect(u.Effect.Name), now), u.Cause.Error())
	}
	if result.Unrecorded != nil {
		w.complain(result.Unrecorded, "")
		r.pend(plan.Change{}, beacon.Retry, time.Time{}, result.Unrecorded.Error())
	}
	for _, c := range p.Changes {
		if undone[c.ID] {
			continue
		}
		r.Done = append(r.Done, c)
		w.failures.Forget(thing(c.ID))
		if !c.Drift {
			continue
		}
		if until := w.fights.Done(thing(c.ID), now); !until.IsZero() {
			w.log.Warn("somebody else changes it again and again", slog.String("name", c.Name), slog.String("reason", view.Masked(c.Reason)), slog.Time("leftAloneUntil", until))
		}
	}
	for _, e := range p.Effects {
		if !unserved[e.Name] {
			r.effects = append(r.effects, e)
			w.restarts.Forget(effect(e.Name))
		}
	}
}
