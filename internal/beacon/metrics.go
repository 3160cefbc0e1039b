package beacon

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/render"
)

// metrics are for Prometheus. They are written here rather than by its client library: that costs every run of the program a millisecond
// before it begins ([ADR 22](../../docs/adr/0022-start.md)).
type metrics struct {
	mu        sync.Mutex
	build     *metric
	converged *metric
	spec      *metric
	success   *metric
	pending   *metric
	changes   *metric
	rounds    *metric
	took      *histogram
	fights    *metric
	effects   *metric
	streams   *metric
	bytes     *metric
	cpu       *metric
	memory    *metric
	start     *metric
	routines  *metric
}

func newMetrics(version string) *metrics {
	m := &metrics{
		build:     gauge("regsync_build_info", "The program: its version, and Go's.", "version", "goversion"),
		converged: gauge("regsync_converged", "Whether the node is as the file says, and the file is valid (1), or not (0)."),
		spec:      gauge("regsync_spec_valid", "Whether the file as it stands is the one in force (1), or the last good one is (0)."),
		success:   gauge("regsync_last_success_timestamp_seconds", "When the last round ended in which nothing failed, since the epoch."),
		pending:   gauge("regsync_pending_changes", "Changes that are due and wait, by what they wait for.", "wait"),
		changes:   counter("regsync_changes_total", "Changes of the node, by the kind of what was changed, the action and the result.", "kind", "action", "result"),
		rounds:    counter("regsync_rounds_total", "Looks at the node, by what caused them and by how they ended.", "trigger", "result"),
		fights:    counter("regsync_fights_total", "How often a thing was left alone because somebody else changes it again and again.", "kind", "name"),
		effects:   counter("regsync_effects_total", "Restarts and reloads, by name and result.", "effect", "result"),
		streams:   gauge("regsync_stream_up", "Whether a stream of events is there (1) or lost (0).", "stream"),
		bytes:     counter("regsync_image_bytes_total", "Bytes of images that were brought into the image store, by where they came from.", "source"),
		took: newHistogram("regsync_round_duration_seconds", "How long looks at the node take, with what they change.",
			.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
		cpu:      counter("process_cpu_seconds_total", "Processor time of this process."),
		memory:   gauge("process_resident_memory_bytes", "Resident memory of this process."),
		start:    gauge("process_start_time_seconds", "When this process began, since the epoch."),
		routines: gauge("go_goroutines", "Goroutines of this process."),
	}
	m.build.set(1, version, runtime.Version())
	for _, w := range waits {
		m.pending.set(0, string(w))
	}
	m.start.set(float64(time.Now().Unix()))
	return m
}

// page gives all of them as they are now.
func (m *metrics) page() page {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.look()
	p := page{&m.took.metric: m.took.lines()}
	for _, one := range []*metric{
		m.build, m.converged, m.spec, m.success, m.pending, m.changes, m.rounds, m.fights, m.effects, m.streams, m.bytes, m.cpu, m.memory, m.start, m.routines,
	} {
		p[one] = one.lines()
	}
	return p
}

// look asks the system about this process.
func (m *metrics) look() {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) == nil {
		m.cpu.set(float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9)
	}
	m.routines.set(float64(runtime.NumGoroutine()))
	var total, resident int
	if text, err := os.ReadFile("/proc/self/statm"); err == nil { // proc(5): in pages
		if _, err := fmt.Sscan(string(text), &total, &resident); err == nil {
			m.memory.set(float64(resident * os.Getpagesize()))
		}
	}
}

// bit is a truth as metrics know it.
func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// round counts a round, which led from one status to another and ended now.
func (m *metrics) round(r Round, result Result, before, after *Status, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.converged.set(bit(after.Converged))
	m.spec.set(bit(after.Spec == nil))
	m.rounds.add(1, Trigger(r.Causes), string(result))
	m.took.observe(r.Took.Seconds())
	if r.Err == nil && len(r.Failed) == 0 {
		m.success.set(float64(now.UnixMilli()) / 1000)
	}
	for _, c := range r.Done {
		m.changes.add(1, string(c.Kind), c.Action.String(), "done")
	}
	for _, f := range r.Failed {
		m.changes.add(1, string(f.Change.Kind), f.Change.Action.String(), "failed")
	}
	count := map[Wait]int{}
	for _, p := range after.Pending {
		count[p.Wait]++
		if p.Wait == Fight && !inTruce(before.Pending, p) {
			m.fights.add(1, string(p.Kind), p.Name)
		}
	}
	for _, w := range waits {
		m.pending.set(float64(count[w]), string(w))
	}
}

// inTruce reports whether a thing was left alone before, until the same time.
func inTruce(before []Pending, p Pending) bool {
	for _, b := range before {
		if b.ID == p.ID && b.Wait == Fight && (b.Until == nil || p.Until == nil || b.Until.Equal(*p.Until)) {
			return true
		}
	}
	return false
}

// event counts what happens during an apply.
func (m *metrics) event(e apply.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	effect := func(result string) { m.effects.add(1, string(e.Effect.Name), result) }
	switch e.Stage {
	case apply.Ran:
		effect("done")
	case apply.Unserved:
		effect("unserved")
	case apply.Moving:
		if e.Change.Kind == render.KindImage && e.Change.Image != nil {
			m.bytes.add(float64(e.Bytes), sourceOf(e.Change.Image))
		}
	}
}

// sourceOf gives where an image comes from.
func sourceOf(i *render.Image) string {
	if i.Archive == "" {
		return "registry"
	}
	return "archive"
}

func (m *metrics) stream(name string, up bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams.set(bit(up), name)
}
