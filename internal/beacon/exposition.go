package beacon

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// expositionType is the media type of what Prometheus reads: its text format.
const expositionType = "text/plain; version=0.0.4; charset=utf-8"

// metric is one name of the text format, with a value for each of its labels' values that has come up.
type metric struct {
	name, kind, help string
	labels           []string
	values           map[string]float64 // by what stands behind the name
}

// gauge gives a metric that goes up and down; without labels it is there from the beginning.
func gauge(name, help string, labels ...string) *metric {
	return newMetric(name, "gauge", help, labels)
}

// counter gives a metric that only goes up.
func counter(name, help string, labels ...string) *metric {
	return newMetric(name, "counter", help, labels)
}

func newMetric(name, kind, help string, labels []string) *metric {
	m := &metric{name, kind, help, labels, map[string]float64{}}
	if len(labels) == 0 {
		m.set(0)
	}
	return m
}

// set sets the value for the labels' values.
func (m *metric) set(value float64, of ...string) { m.values[m.series("", of)] = value }

// add adds to the value for the labels' values.
func (m *metric) add(value float64, of ...string) { m.values[m.series("", of)] += value }

// series is what stands behind the name: an ending, and the labels by their names.
func (m *metric) series(ending string, of []string) string {
	if len(of) == 0 {
		return ending
	}
	pairs := make([]string, len(of))
	for i, value := range of {
		pairs[i] = m.labels[i] + `="` + escaped.Replace(value) + `"`
	}
	slices.Sort(pairs)
	return ending + "{" + strings.Join(pairs, ",") + "}"
}

var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// histogram counts how many values were not above each bound.
type histogram struct {
	metric
	bounds []float64
	counts []uint64
	count  uint64
	sum    float64
}

func newHistogram(name, help string, bounds ...float64) *histogram {
	return &histogram{metric: metric{name: name, kind: "histogram", help: help, labels: []string{"le"}}, bounds: bounds, counts: make([]uint64, len(bounds))}
}

func (h *histogram) observe(value float64) {
	h.count++
	h.sum += value
	for i, bound := range h.bounds {
		if value <= bound {
			h.counts[i]++
		}
	}
}

// lines gives a metric's lines, without its name.
func (m *metric) lines() []string {
	lines := make([]string, 0, len(m.values))
	for _, series := range slices.Sorted(maps.Keys(m.values)) {
		lines = append(lines, series+" "+number(m.values[series]))
	}
	return lines
}

// lines gives a histogram's lines, without its name.
func (h *histogram) lines() []string {
	var lines []string
	for i, bound := range h.bounds {
		lines = append(lines, fmt.Sprintf("%s %d", h.series("_bucket", []string{number(bound)}), h.counts[i]))
	}
	return append(lines, fmt.Sprintf("%s %d", h.series("_bucket", []string{"+Inf"}), h.count), "_sum "+number(h.sum), fmt.Sprintf("_count %d", h.count))
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// page is what Prometheus reads at one moment.
type page map[*metric][]string

// write writes the metrics in the order of their names; those of which nothing has come up yet are left out.
func (p page) write(w io.Writer) {
	byName := func(a, b *metric) int { return cmp.Compare(a.name, b.name) }
	for _, m := range slices.SortedFunc(maps.Keys(p), byName) {
		if len(p[m]) == 0 {
			continue
		}
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		for _, line := range p[m] {
			fmt.Fprint(w, m.name, line, "\n")
		}
	}
}
