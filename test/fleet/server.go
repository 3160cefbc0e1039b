package main

import (
	"container/heap"
	"time"
)

// server gives one archive to whoever asks. All transfers get the same share of its line, as far as the other ends can take it.
type server struct {
	*clock
	line  float64 // bytes a second, in all
	each  float64 // bytes a second that the other end of one transfer takes
	most  int     // transfers at a time; who comes then is refused
	size  float64 // of the archive, in bytes
	fetch func(done func())
	has   bool     // the archive; a mirror fetches it when it is asked for the first time
	await []func() // who waits for that

	given     float64 // bytes that each transfer under way since the beginning has got
	since     time.Duration
	transfers transfers
	version   int // of the transfers: what was foreseen for others does not come

	peak     float64               // bytes a second
	requests map[time.Duration]int // by second
	refused  int
	ended    int // transfers
}

// transfer is over when so much has been given.
type transfer struct {
	until float64
	done  func()
}

// get asks for the archive; done is called when it is there. It is false where the server refuses.
func (s *server) get(done func()) bool {
	s.requests[s.now.Truncate(time.Second)]++
	if len(s.transfers)+len(s.await) >= s.most {
		s.refused++
		return false
	}
	if s.has {
		s.begin(done)
		return true
	}
	s.await = append(s.await, done)
	if len(s.await) == 1 {
		s.fetch(func() {
			s.has = true
			for _, done := range s.await {
				s.begin(done)
			}
			s.await = nil
		})
	}
	return true
}

// rate is what each transfer gets now, in bytes a second.
func (s *server) rate() float64 { return min(s.each, s.line/float64(max(len(s.transfers), 1))) }

func (s *server) begin(done func()) {
	s.pass()
	heap.Push(&s.transfers, transfer{s.given + s.size, done})
	s.peak = max(s.peak, s.rate()*float64(len(s.transfers)))
	s.foresee()
}

// pass counts what was given since it was counted last.
func (s *server) pass() {
	s.given += float64(s.rate() * (s.now - s.since).Seconds()) // rounded by itself: no architecture is to give other figures
	s.since = s.now
}

// foresee has the transfer that ends first end, unless another one begins or ends before.
func (s *server) foresee() {
	s.version++
	if len(s.transfers) == 0 {
		return
	}
	version := s.version
	left := max(s.transfers[0].until-s.given, 0)
	s.after(time.Duration(left/s.rate()*float64(time.Second)), func() {
		if version != s.version {
			return
		}
		s.pass()
		s.given = max(s.given, s.transfers[0].until) // but for a rounded nanosecond
		t := heap.Pop(&s.transfers).(transfer)
		s.ended++
		s.foresee()
		t.done()
	})
}

// busiest is how many requests came in one second at most.
func (s *server) busiest() int {
	most := 0
	for _, n := range s.requests {
		most = max(most, n)
	}
	return most
}

// transfers is a heap, see container/heap.
type transfers []transfer

func (t transfers) Len() int           { return len(t) }
func (t transfers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t transfers) Less(i, j int) bool { return t[i].until < t[j].until }
func (t *transfers) Push(x any)        { *t = append(*t, x.(transfer)) }
func (t *transfers) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}
