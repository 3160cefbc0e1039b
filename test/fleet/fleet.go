package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/regsync/regsync/internal/fetch"
	"github.com/regsync/regsync/internal/watch"
)

// The world that the figures are for. docs/fleet.md tells of it.
const (
	archive  = 200e6 // bytes
	registry = 125e6 // bytes a second: 1 Gbit/s
	node     = 12.5e6
	lan      = 125e6
	most     = 512 // transfers at a time, of the registry and of a mirror
	perSite  = 50  // nodes

	arrival = time.Minute      // kubelet brings a changed ConfigMap to its nodes within about this time
	restart = 5 * time.Second  // a pod is replaced in this time
	settled = 10 * time.Second // minReadySeconds of the DaemonSet
)

// scenario is how a new file reaches the nodes.
type scenario struct {
	name    string
	jitter  bool // the file arrives by and by, and who was refused comes again after a time of its own
	mirrors bool // each site has one, which asks the registry once
	staged  bool // a tenth of the nodes at a time
}

var scenarios = []scenario{
	{name: "all at once, no jitter"},
	{name: "jitter", jitter: true},
	{name: "a mirror per site", jitter: true, mirrors: true},
	{name: "staged: 10 % at a time", jitter: true, staged: true},
	{name: "staged, and a mirror per site", jitter: true, staged: true, mirrors: true},
}

// figures are what came of it.
type figures struct {
	peak           float64 // bytes a second that the registry sent at most
	requests       int     // in its busiest second
	refused        int
	sent           float64       // bytes
	half, late, in time.Duration // until 50, 95 and 100 % of the nodes have the archive
}

// reach brings a new file, and the archive that it names, to a fleet.
func (s scenario) reach(nodes int, seed uint64) figures {
	f := &fleet{scenario: s, clock: &clock{}, random: rand.New(rand.NewPCG(seed, uint64(nodes)))}
	f.registry = f.server(registry, node)
	f.registry.has = true
	for i := range nodes {
		f.waiting = append(f.waiting, f.source(i))
	}
	f.random.Shuffle(nodes, func(i, j int) { f.waiting[i], f.waiting[j] = f.waiting[j], f.waiting[i] })
	if s.staged {
		for range max(nodes/10, 1) {
			f.next()
		}
	} else {
		for len(f.waiting) > 0 {
			from := f.take()
			f.at(time.Duration(f.spread()*float64(arrival)), func() { f.look(&regsync{from: from, failures: watch.Failures()}, 1) })
		}
	}
	f.run()
	slices.Sort(f.converged)
	at := func(share float64) time.Duration { return f.converged[int(share*float64(nodes)+0.999)-1] }
	return figures{
		peak: f.registry.peak, requests: f.registry.busiest(), refused: f.registry.refused, sent: float64(f.registry.ended) * archive,
		half: at(0.5), late: at(0.95), in: at(1),
	}
}

// fleet is one simulation under way.
type fleet struct {
	scenario
	*clock
	random    *rand.Rand
	registry  *server
	mirrors   []*server
	waiting   []*server // of nodes that have not got the file yet: whom each of them will ask
	converged []time.Duration
}

func (f *fleet) server(line, each float64) *server {
	return &server{clock: f.clock, line: line, each: each, most: most, size: archive, requests: map[time.Duration]int{}}
}

// spread is a random number from 0 to 1, or 0 where there is no jitter.
func (f *fleet) spread() float64 {
	if !f.jitter {
		return 0
	}
	return f.random.Float64()
}

// source is whom a node asks: the registry, or the mirror of its site.
func (f *fleet) source(node int) *server {
	if !f.scenario.mirrors {
		return f.registry
	}
	if node%perSite == 0 {
		mirror := f.server(lan, lan)
		mirror.fetch = func(done func()) { f.get(&regsync{from: f.registry, failures: watch.Failures()}, 1, done) }
		f.mirrors = append(f.mirrors, mirror)
	}
	return f.mirrors[node/perSite]
}

// take gives whom the next node asks that gets the file.
func (f *fleet) take() *server {
	last := len(f.waiting) - 1
	from := f.waiting[last]
	f.waiting = f.waiting[:last]
	return from
}

// regsync is one that fetches the archive: with the tries and pauses of the program.
type regsync struct {
	from     *server
	failures *watch.Truces
}

// next replaces the pod of the next node in a staged rollout; when it has been ready for a while, that of another one.
func (f *fleet) next() {
	if len(f.waiting) == 0 {
		return
	}
	r := &regsync{from: f.take(), failures: watch.Failures()}
	f.after(restart, func() {
		f.get(r, 1, func() {
			f.converged = append(f.converged, f.now)
			f.after(settled, f.next)
		})
	})
}

// look is what a node does that has heard of the file.
func (f *fleet) look(r *regsync, try int) {
	f.get(r, try, func() { f.converged = append(f.converged, f.now) })
}

// get fetches the archive. Who is refused tries again after [fetch.Backoff], and after [fetch.Tries] of these when [watch.Failures] lets him.
func (f *fleet) get(r *regsync, try int, done func()) {
	if r.from.get(done) {
		return
	}
	if try < fetch.Tries {
		f.after(fetch.Backoff(try, f.spread()), func() { f.get(r, try+1, done) })
		return
	}
	began := time.Unix(0, 0)
	until := r.failures.Done("archives", began.Add(f.now))
	f.at(until.Sub(began), func() { f.get(r, 1, done) })
}
