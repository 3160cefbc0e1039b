package beacon

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/regsync/regsync/apply"
)

// Config is what a beacon needs to know.
type Config struct {
	Dir     string             // where the status file is; it is made
	Version string             // of the program
	Say     func(error) string // how an error is said to everybody; nil: in its own words

	now func() time.Time // for tests; nil: the clock
}

// Beacon says how a service is doing. It may be used from several goroutines.
type Beacon struct {
	config  Config
	file    *file
	metrics *metrics
	notify  notifier
	server  *http.Server

	mu        sync.Mutex
	status    Status
	ran       []string // effects since the last round
	wasReady  bool     // it has converged once
	unwritten bool     // the status file does not say all
	reloading bool
}

// New begins to speak: it makes the status file, and fails where another service of this kind is at work, or systemd cannot be reached.
func New(c Config) (*Beacon, error) {
	if c.now == nil {
		c.now = time.Now
	}
	if c.Say == nil {
		c.Say = error.Error
	}
	b := &Beacon{config: c, metrics: newMetrics(c.Version)}
	b.status = Status{
		FormatVersion: "1", PID: os.Getpid(), Version: c.Version, StartedAt: c.now(), Since: c.now(),
		Pending: []Pending{}, Failed: []Change{}, Streams: []Stream{},
	}
	var err error
	if b.notify, err = newNotifier(c.now); err != nil {
		return nil, err
	}
	b.file = &file{dir: c.Dir}
	if err := b.file.begin(); err != nil {
		return nil, err
	}
	if err := b.file.write(b.status); err != nil {
		return nil, err
	}
	b.notify.say("STATUS=" + b.status.line())
	b.Alive()
	return b, nil
}

// Alive says that the loop moves. It is to be called for each pulse, and by what takes long as it goes on; systemd ends a service that does
// not do so for as long as its WatchdogSec says.
func (b *Beacon) Alive() { b.notify.alive() }

// Pulse is when the loop is to say that it is alive though nothing happens.
func (b *Beacon) Pulse() <-chan time.Time { return b.notify.pulse.C }

// Event takes note of what happens during an apply.
func (b *Beacon) Event(e apply.Event) {
	b.Alive()
	b.metrics.event(e)
	if e.Stage == apply.Ran {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ran = append(b.ran, string(e.Effect.Name))
	}
}

// Reloading says that the service has been told to read everything anew. The next round ends it.
func (b *Beacon) Reloading() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reloading = true
	b.notify.reloading()
}

// Round takes note of a round. The error says why the status file could not be written; all else is said all the same. After the first
// round the service is ready, for systemd: what has to wait for containerd does not hold back what has to wait for us.
func (b *Beacon) Round(r Round) error {
	b.Alive()
	b.mu.Lock()
	defer b.mu.Unlock()
	now, first := b.config.now(), b.status.Last == nil
	result := r.result(len(b.ran) > 0)
	after := b.after(r, result, now)
	b.ran = nil
	b.metrics.round(r, result, &b.status, &after, now)
	b.wasReady = b.wasReady || after.Converged
	err := b.say(after)
	if first || b.reloading {
		b.reloading = false
		b.notify.ready()
	}
	return err
}

// after gives the status after a round.
func (b *Beacon) after(r Round, result Result, now time.Time) Status {
	after := b.status
	after.Generation = r.Generation
	after.Pending = append([]Pending{}, r.Pending...)
	after.LastError = lasting(b.status.LastError, b.words(r.Err), now)
	after.Spec = lasting(b.status.Spec, b.words(r.Spec), now)
	after.Failed = []Change{}
	for _, f := range r.Failed {
		after.Failed = append(after.Failed, Change{f.Change.ID, f.Change.Action.String(), b.words(f.Err)})
	}
	after.Converged = r.Err == nil && r.Spec == nil && len(r.Failed) == 0 && len(r.Pending) == 0
	if after.Converged != b.status.Converged {
		after.Since = now
	}
	last := &Last{At: r.Began, Causes: append([]string{}, r.Causes...), Result: result, Changes: []Change{}, DurationMs: r.Took.Milliseconds()}
	last.Effects = append([]string{}, b.ran...)
	for _, c := range r.Done {
		last.Changes = append(last.Changes, Change{ID: c.ID, Action: c.Action.String()})
	}
	if b.status.Last == nil || len(r.Done)+len(b.ran) > 0 || !after.same(&b.status) {
		after.Last = last
	}
	return after
}

func (b *Beacon) words(err error) string {
	if err == nil {
		return ""
	}
	return b.config.Say(err)
}

// say makes a status known, as far as it is news.
func (b *Beacon) say(after Status) error {
	before := b.status
	b.status = after
	if after.Last == before.Last && after.same(&before) && !b.unwritten {
		return nil
	}
	if line := after.line(); line != before.line() {
		b.notify.say("STATUS=" + line)
	}
	err := b.file.write(after)
	b.unwritten = err != nil
	return err
}

// Stream says that a stream of events, such as containerd's, is there, or why it is not. Where that cannot be written down, the next round
// tries again.
func (b *Beacon) Stream(name string, up bool, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	after := b.status
	after.Streams = slices.Clone(after.Streams)
	now := Stream{Name: name, Up: up, Since: b.config.now(), Why: why}
	at := slices.IndexFunc(after.Streams, func(s Stream) bool { return s.Name == name })
	switch {
	case at < 0:
		after.Streams = append(after.Streams, now)
	case after.Streams[at].Up != up:
		after.Streams[at] = now
	case after.Streams[at].Why != why:
		after.Streams[at].Why = why
	}
	b.metrics.stream(name, up)
	_ = b.say(after)
}

// Drop forgets the streams of a source that is not listened to any more: the one of that name, and those whose names go on after a space.
func (b *Beacon) Drop(source string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	after := b.status
	after.Streams = slices.DeleteFunc(slices.Clone(after.Streams), func(s Stream) bool {
		ours := s.Name == source || strings.HasPrefix(s.Name, source+" ")
		if ours {
			b.metrics.streams.DeleteLabelValues(s.Name)
		}
		return ours
	})
	_ = b.say(after)
}

// Close says goodbye: to systemd, and by taking the status file away.
func (b *Beacon) Close() error {
	b.notify.stopping()
	b.unlisten()
	return b.file.end()
}
