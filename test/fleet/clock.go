package main

import (
	"container/heap"
	"time"
)

// clock is the time of a simulation: what happens, happens in the order of its times, and at one time in the order in which it was said.
type clock struct {
	now    time.Duration
	said   int
	events events
}

type event struct {
	at   time.Duration
	said int
	do   func()
}

// at has something happen at a time.
func (c *clock) at(t time.Duration, do func()) {
	c.said++
	heap.Push(&c.events, event{max(t, c.now), c.said, do})
}

// after has something happen after a time from now.
func (c *clock) after(d time.Duration, do func()) { c.at(c.now+d, do) }

// run lets everything happen.
func (c *clock) run() {
	for len(c.events) > 0 {
		e := heap.Pop(&c.events).(event)
		c.now = e.at
		e.do()
	}
}

// events is a heap, see container/heap.
type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e events) Less(i, j int) bool {
	if e[i].at != e[j].at {
		return e[i].at < e[j].at
	}
	return e[i].said < e[j].said
}
func (e *events) Push(x any) { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
