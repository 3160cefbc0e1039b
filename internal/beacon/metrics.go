package beacon

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/render"
)

// metrics are for Prometheus. They are in a registry of their own: nothing that is linked in can add to it.
type metrics struct {
	registry  *prometheus.Registry
	converged prometheus.Gauge
	spec      prometheus.Gauge
	success   prometheus.Gauge
	pending   *prometheus.GaugeVec
	changes   *prometheus.CounterVec
	rounds    *prometheus.CounterVec
	took      prometheus.Histogram
	fights    *prometheus.CounterVec
	effects   *prometheus.CounterVec
	streams   *prometheus.GaugeVec
	bytes     *prometheus.CounterVec
}

func newMetrics(version string) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "regsync", Name: name, Help: help})
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "regsync", Name: name, Help: help}, labels)
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "regsync", Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		converged: gauge("converged", "Whether the node is as the file says, and the file is valid (1), or not (0)."),
		spec:      gauge("spec_valid", "Whether the file as it stands is the one in force (1), or the last good one is (0)."),
		success:   gauge("last_success_timestamp_seconds", "When the last round ended in which nothing failed, since the epoch."),
		pending:   gauges("pending_changes", "Changes that are due and wait, by what they wait for.", "wait"),
		changes:   counters("changes_total", "Changes of the node, by the kind of what was changed, the action and the result.", "kind", "action", "result"),
		rounds:    counters("rounds_total", "Looks at the node, by what caused them and by how they ended.", "trigger", "result"),
		fights:    counters("fights_total", "How often a thing was left alone because somebody else changes it again and again.", "kind", "name"),
		effects:   counters("effects_total", "Restarts and reloads, by name and result.", "effect", "result"),
		streams:   gauges("stream_up", "Whether a stream of events is there (1) or lost (0).", "stream"),
		bytes:     counters("image_bytes_total", "Bytes of images that were brought into the image store, by where they came from.", "source"),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "regsync", Name: "round_duration_seconds", Help: "How long looks at the node take, with what they change.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}),
	}
	build := gauges("build_info", "The program: its version, and Go's.", "version", "goversion")
	build.WithLabelValues(version, runtime.Version()).Set(1)
	for _, w := range waits {
		m.pending.WithLabelValues(string(w))
	}
	m.registry.MustRegister(
		build, m.converged, m.spec, m.success, m.pending, m.changes, m.rounds, m.took, m.fights, m.effects, m.streams, m.bytes,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
	)
	return m
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
	m.converged.Set(bit(after.Converged))
	m.spec.Set(bit(after.Spec == nil))
	m.rounds.WithLabelValues(Trigger(r.Causes), string(result)).Inc()
	m.took.Observe(r.Took.Seconds())
	if r.Err == nil && len(r.Failed) == 0 {
		m.success.Set(float64(now.UnixMilli()) / 1000)
	}
	for _, c := range r.Done {
		m.changes.WithLabelValues(string(c.Kind), c.Action.String(), "done").Inc()
	}
	for _, f := range r.Failed {
		m.changes.WithLabelValues(string(f.Change.Kind), f.Change.Action.String(), "failed").Inc()
	}
	count := map[Wait]int{}
	for _, p := range after.Pending {
		count[p.Wait]++
		if p.Wait == Fight && !inTruce(before.Pending, p) {
			m.fights.WithLabelValues(string(p.Kind), p.Name).Inc()
		}
	}
	for _, w := range waits {
		m.pending.WithLabelValues(string(w)).Set(float64(count[w]))
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
	effect := func(result string) { m.effects.WithLabelValues(string(e.Effect.Name), result).Inc() }
	switch e.Stage {
	case apply.Ran:
		effect("done")
	case apply.Unserved:
		effect("unserved")
	case apply.Moving:
		if e.Change.Kind == render.KindImage && e.Change.Image != nil {
			m.bytes.WithLabelValues(sourceOf(e.Change.Image)).Add(float64(e.Bytes))
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

func (m *metrics) stream(name string, up bool) { m.streams.WithLabelValues(name).Set(bit(up)) }
