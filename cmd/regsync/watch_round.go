package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// round is what a watch has found and done when it woke once.
type round struct {
	trigger string
	took    time.Duration
	changes []plan.Change // that were made
	effects []plan.Effect // that ran
	pending []view.Pending
	waits   bool      // some of that has to be looked for again: nobody says when it is there
	busy    bool      // another regsync is at work
	until   time.Time // when something of it may be done; zero: nobody knows
	err     error

	converged bool
}

// round looks at the node, and changes it only if something differs: a look writes nothing.
func (w *watcher) round(ctx context.Context, trigger string) round {
	began := time.Now()
	r := round{trigger: trigger}
	due, err := w.look(ctx, &r)
	if err == nil && due {
		err = w.act(ctx, &r)
	}
	if locked := (*ledger.LockedError)(nil); errors.As(err, &locked) {
		r.busy, err = true, nil
		r.pend("", "", locked.Error())
	}
	r.err, r.took = err, time.Since(began)
	r.converged = err == nil && len(r.pending) == 0
	return r
}

// pend remembers that something is not as it should be, and why.
func (r *round) pend(kind render.Kind, name, why string) {
	r.pending = append(r.pending, view.Pending{Kind: string(kind), Name: name, Why: view.Masked(why)})
}

// look finds out whether there is anything to do now.
func (w *watcher) look(ctx context.Context, r *round) (due bool, err error) {
	s, err := w.open(ctx, false)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	left, waits, err := s.waits()
	if err != nil {
		return false, err
	}
	if waits && left > 0 {
		r.until = time.Now().Add(left)
		r.pend("", "", "the last apply waits to be confirmed")
		return false, w.listen(ctx, s, trip{})
	}
	t, err := w.journey(ctx, s)
	defer t.close()
	heard := w.listen(ctx, s, t)
	if err := errors.Join(err, heard); err != nil {
		return false, err
	}
	now := time.Now()
	w.hold(s, &t, r, now)
	silent := w.reportOnly
	if back := s.ledger.RolledBack; back > 0 {
		silent = true
		r.pend("", "", fmt.Sprintf("the node was taken back to generation %d: until the next apply it is only looked at", back))
	}
	t.reach.hold(ctx)
	if silent {
		for _, c := range t.plan.Changes {
			r.pend(c.Kind, c.Name, c.Reason)
		}
		for _, e := range t.plan.Effects {
			r.pend("", string(e.Name), e.Reason)
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
	if err == nil {
		err = w.askAhead(ctx, s, &t, false)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	r.pending, r.waits = nil, false
	for _, c := range t.plan.Conflicts {
		if c.Kind == render.KindImage {
			w.failures.Done(fetching, now)
		}
	}
	w.hold(s, &t, r, now)
	if t.plan.Empty() {
		return nil
	}
	_, result, err := w.carry(ctx, s, t, consent{yes: true}, len(r.pending) > 0, w.note)
	t.reach.hold(ctx)
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
			w.fights.ForgetAll()
			w.failures.ForgetAll()
			w.restarts.ForgetAll()
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
	if w.bad != nil {
		r.pend("", w.specName(), oneLine(w.bad))
	}
	against := objections(s, *t, consent{})
	barred := map[render.ID]string{}
	for _, c := range t.plan.Conflicts {
		if c.Bars() {
			barred[c.ID] = c.Reason
		}
	}
	var held []plan.Held
	t.plan, held = t.plan.Hold(func(c plan.Change) string {
		if why, is := barred[c.ID]; is {
			return why
		}
		for _, o := range against {
			if o.to(c) {
				return fmt.Sprintf("%s (%s)", o.Message, o.Hint)
			}
		}
		if until := w.fights.Until(thing(c.ID), now); c.Drift && !until.IsZero() {
			return "somebody else changes it again and again: it is left alone until " + until.Format(time.TimeOnly)
		}
		if until := w.failures.Until(thing(c.ID), now); !until.IsZero() {
			return "it failed, and is tried again at " + until.Format(time.TimeOnly)
		}
		if until := w.restarts.Until(effect(c.Effect), now); c.Effect != "" && !until.IsZero() {
			return fmt.Sprintf("%s did not succeed, and is tried again at %s", c.Effect, until.Format(time.TimeOnly))
		}
		return ""
	})
	said := map[render.ID]bool{}
	for _, h := range held {
		said[h.ID] = true
		name := h.Name
		if name == "" {
			name = string(h.Effect)
		}
		r.pend(h.Kind, name, h.Why)
	}
	for _, c := range t.plan.Conflicts {
		if !said[c.ID] {
			r.pend(c.Kind, c.Name, c.Reason)
		}
	}
	for _, what := range t.plan.Waiting {
		r.pend("", "", what)
	}
	r.until = t.opens
	r.waits = len(t.plan.Waiting) > len(t.held) // what waits for its time is known to wait
}

func thing(id render.ID) string {
	name := string(id.Kind) + " " + id.Name
	if id.Node != "" {
		name += " on " + id.Node
	}
	return name
}

func effect(e render.Effect) string { return "effect " + string(e) }

// learn takes from how an apply went what to leave alone for a while.
func (w *watcher) learn(r *round, p plan.Plan, result apply.Result, err error, now time.Time) {
	file, stale, eff := (*apply.FileError)(nil), (*apply.StaleError)(nil), (*apply.EffectError)(nil)
	switch {
	case errors.As(err, &file):
		w.failures.Done("file "+file.Name, now)
		w.bell.Ring(r.trigger) // the others do not wait for it
	case errors.As(err, &stale):
		w.failures.Done("file "+stale.Name, now)
		w.bell.Ring(r.trigger)
	case errors.As(err, &eff):
		w.restarts.Done(effect(eff.Name), now)
		w.bell.Ring(r.trigger)
	}
	if err != nil {
		return
	}
	undone := map[render.ID]bool{}
	for _, f := range result.Failed {
		undone[f.Change.ID] = true
		w.failures.Done(thing(f.Change.ID), now)
		w.complain(fmt.Errorf("%s: %w", f.Change.Name, f.Err), hintOfFailure(f.Err))
		r.pend(f.Change.Kind, f.Change.Name, f.Err.Error())
	}
	for _, f := range result.Elsewhere {
		undone[f.Change.ID] = true
		w.log.Info("not applicable", slog.String("name", f.Change.Name), slog.String("why", f.Err.Error()))
	}
	unserved := map[render.Effect]bool{}
	for _, u := range result.Unserved {
		unserved[u.Effect.Name] = true
		w.restarts.Done(effect(u.Effect.Name), now)
		w.warn(fmt.Sprintf("%s is still to be done: %v", u.Effect.Name, u.Cause), u.Cause.Advice)
		r.pend("", string(u.Effect.Name), u.Cause.Error())
	}
	if result.Unrecorded != nil {
		w.complain(result.Unrecorded, "")
		r.pend("", "", result.Unrecorded.Error())
	}
	for _, c := range p.Changes {
		if undone[c.ID] {
			continue
		}
		r.changes = append(r.changes, c)
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
