package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/beacon"
	"github.com/regsync/regsync/internal/credentials"
	"github.com/regsync/regsync/internal/images"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/internal/watch"
	"github.com/regsync/regsync/spec"
)

// Whoever changes a file changes others too, and does so more than once: a watch waits until it is quiet for a moment, but not for ever.
const (
	quiet     = 50 * time.Millisecond
	quietMost = time.Second
)

// busyPause is how long a watch waits for another regsync.
const busyPause = time.Second

// watcher keeps a node converged. It only wakes: each time the same road is gone as by plan and apply.
type watcher struct {
	*command
	reportOnly, once bool
	resync           time.Duration
	address          string // to be asked at; empty: nowhere

	beacon  *beacon.Beacon
	bell    watch.Bell
	files   *watch.Files
	paths   []string        // that files watches
	inputs  map[string]bool // those of them that regsync reads only, as causes name them
	unheard string          // why some of them are not watched

	containerd ear // whose events are listened to
	cluster    followedCluster

	pace     watch.Pace
	fights   *watch.Truces // over what somebody else changes
	failures *watch.Truces // with what fails by itself
	restarts *watch.Truces // with effects that fail

	good []spec.Source // the file of which a plan was last made
	bad  error         // why it is not the one that stands there now
	last round
	said map[string]bool // what is pending, as it was last said

	annotated annotated
}

func (c *command) watchVerb() *cobra.Command {
	w := &watcher{command: c}
	verb := &cobra.Command{
		Use:   "watch",
		Short: "Make the node be as the file says, and keep it so",
		Long: `watch does what apply does, and then again whenever the file, the node or the cluster changes. It never asks. What apply would refuse without a
flag, and what is in conflict, is left as it is and named; everything else is done. A file that is not valid changes nothing: the last one that was stays in force.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return w.watch(cmd.Context()) },
	}
	f := verb.Flags()
	f.BoolVar(&w.reportOnly, "report-only", false, "change nothing: say what differs")
	f.BoolVar(&w.once, "once-converged", false, "end when the node is as the file says")
	c.bandwidthFlag(verb)
	f.StringVar(&w.address, "listen", "", "answer /metrics, /healthz and /readyz at `ADDRESS`: HOST:PORT, or unix:///PATH")
	f.BoolVar(&w.annotated.asked, "annotate", false, "write how the node is to annotations of its Kubernetes node (NODE_NAME, or the host name)")
	f.DurationVar(&w.resync, "resync", 5*time.Minute, "look at the node after this time though nothing was heard")
	return verb
}

func (w *watcher) watch(ctx context.Context) (err error) {
	switch {
	case w.baking():
		return hinted{errors.New("nothing runs under --root, so there is nothing to watch"), "regsync apply --root " + w.root}
	case slices.Contains(w.command.files, "-"):
		return hinted{errors.New("standard input cannot be watched"), "name a file with -f FILE"}
	case w.resync < time.Second:
		return fmt.Errorf("--resync is %s; it must be at least 1s", w.resync)
	}
	ctx, cancel := w.limited(ctx)
	defer cancel()
	debug.SetGCPercent(50) // it stays; see main for runs that don't
	w.log, w.singly, w.answers = w.logger(), true, &credentials.Answers{}
	w.wait = 0 // it looks again by itself
	w.pace.Resync, w.fights, w.failures, w.restarts = w.resync, watch.Fights(), watch.Failures(), watch.Restarts()
	if err := w.light(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.beacon.Close()) }()
	if w.files, err = watch.NewFiles(&w.bell); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.files.Close()) }()
	defer w.cluster.end()
	defer w.containerd.end()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)

	w.log.Info("watching", slog.String("version", ownVersion()), slog.Bool("reportOnly", w.reportOnly))
	for causes := []string{"start"}; causes != nil; causes = w.next(ctx, reload) {
		r := w.round(ctx, causes)
		if ctx.Err() != nil && r.Err != nil {
			if r.acted { // and was cut off
				return r.Err
			}
			break
		}
		if err := w.tell(r); err != nil {
			return err
		}
		w.annotate(ctx, r)
		if w.once && r.converged() {
			return nil
		}
	}
	w.log.Info("stopped")
	if w.timeout > 0 && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return nil
}

// light begins to say how the watch is doing.
func (w *watcher) light() (err error) {
	root, err := node.Open(w.mount())
	if err != nil {
		return err
	}
	defer root.Close()
	if w.beacon, err = lightBeacon(root); err != nil || w.address == "" {
		return err
	}
	return w.beacon.Listen(w.address)
}

// logger writes text for a person at a terminal, else JSON.
func (w *watcher) logger() *slog.Logger {
	o := &slog.HandlerOptions{}
	if w.verbose {
		o.Level = slog.LevelDebug
	}
	if view.IsTerminal(w.err) {
		return slog.New(slog.NewTextHandler(w.err, o))
	}
	return slog.New(slog.NewJSONHandler(w.err, o))
}

// next waits until there may be something to do, and gives the causes; none: it is time to end.
func (w *watcher) next(ctx context.Context, reload <-chan os.Signal) []string {
	timer := time.NewTimer(w.pause(time.Now()))
	defer timer.Stop()
	calm := time.NewTimer(restAfter)
	defer calm.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-calm.C:
			rest()
		case <-w.beacon.Pulse():
			w.beacon.Alive()
		case <-reload:
			w.beacon.Reloading()
			w.forgive()
			return []string{"reload"}
		case <-timer.C:
			if w.last.converged() {
				return []string{"resync"}
			}
			return []string{"retry"}
		case <-w.bell.Rung():
			w.bell.Settle(ctx, quiet, quietMost)
			if causes := w.heard(w.bell.Answer()); causes != nil {
				return causes
			}
		}
	}
}

// forgive ends all truces.
func (w *watcher) forgive() {
	w.fights.ForgetAll()
	w.failures.ForgetAll()
	w.restarts.ForgetAll()
}

// pause is how long to wait if nothing is heard.
func (w *watcher) pause(now time.Time) time.Duration {
	pause := w.pace.Next(w.last.Err != nil || w.last.waits, rand.Float64())
	if w.last.busy {
		pause = busyPause
	}
	for _, until := range []time.Time{w.last.until, w.fights.Next(now), w.failures.Next(now), w.restarts.Next(now)} {
		if !until.IsZero() {
			pause = min(pause, max(until.Sub(now), 0))
		}
	}
	return pause
}

// heard gives the causes that are a reason to look: not what somebody does to a file that is left alone. A change of what regsync only reads may be
// the end of what stood in the way of something that failed.
func (w *watcher) heard(causes []string) []string {
	now := time.Now()
	var list, own []string // the latter are what the last round has written itself
	for _, cause := range causes {
		name := w.onNode(cause)
		thing := "file " + name
		if !w.fights.Until(thing, now).IsZero() || !w.failures.Until(thing, now).IsZero() {
			continue
		}
		if w.inputs[name] || cause == images.Connected || cause == apiServerBack {
			w.failures.ForgetAll()
		}
		if w.last.wrote(name) {
			own = append(own, name)
			continue
		}
		list = append(list, name)
	}
	if list == nil {
		return own
	}
	return list
}

// onNode gives a path as the node has it.
func (w *watcher) onNode(name string) string {
	if mount := w.mount(); mount != "/" {
		if rest, ok := strings.CutPrefix(name, filepath.Clean(mount)+"/"); ok {
			return "/" + rest
		}
	}
	return name
}

// tell says how a round went, as far as that is news.
func (w *watcher) tell(r round) error {
	before := w.last
	w.last = r
	if err := w.beacon.Round(r.Round); err != nil {
		w.complain(err, "")
	}
	switch {
	case r.Err != nil && (before.Err == nil || before.Err.Error() != r.Err.Error()):
		w.complain(r.Err, hintOf(r.Err))
	case r.Err == nil && before.Err != nil:
		w.log.Info("what went wrong is mended")
	}
	said := map[string]bool{}
	for _, p := range r.Pending {
		text := string(p.Kind) + " " + p.Name + ": " + p.Reason
		if said[text] = true; !w.said[text] {
			w.log.Warn("waits", slog.String("name", p.Name), slog.String("for", string(p.Wait)), slog.String("reason", p.Reason))
		}
	}
	w.said = said
	if len(r.Done) == 0 && len(r.effects) == 0 && (!r.converged() || before.converged()) {
		return nil
	}
	trigger := strings.Join(r.Causes, ", ")
	event := view.WatchEvent{Event: "changed", Trigger: trigger, Changes: r.Done, Effects: r.effects, Took: r.Took}
	if r.converged() {
		event.Event = "converged"
	}
	w.log.Info(event.Event, slog.String("trigger", trigger), slog.Int("changes", len(r.Done)), slog.Int("waiting", len(r.Pending)), slog.Int64("durationMs", r.Took.Milliseconds()))
	if w.output == "json" {
		return view.WatchJSON(w.out, event)
	}
	return nil
}
