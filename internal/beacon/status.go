package beacon

import (
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/render"
)

// Status is how things stand, as the service that looks after the node sees it. It holds no secrets: everybody may read it.
type Status struct {
	FormatVersion string    `json:"formatVersion"`
	Running       bool      `json:"running"` // false: whoever said this is gone, and did not say goodbye
	PID           int       `json:"pid"`     // as the service sees itself; in a container another one than outside
	Version       string    `json:"version"`
	StartedAt     time.Time `json:"startedAt"`

	// Converged: all that the file asks for is so, and the file as it stands is the one that is in force.
	Converged  bool      `json:"converged"`
	Since      time.Time `json:"since"` // since when Converged is as it is
	Generation int       `json:"generation"`

	Last      *Last     `json:"last"` // null: nothing was looked at yet
	Pending   []Pending `json:"pending"`
	Failed    []Change  `json:"failed"`    // changes that the last round could not make
	LastError *Trouble  `json:"lastError"` // why the last round failed as a whole; null: it did not
	Spec      *Trouble  `json:"spec"`      // why the file as it stands is not in force, and since when; null: it is
	Streams   []Stream  `json:"streams"`
}

// Last is the last round that had something new to say. Those that find everything as the one before did are not counted.
type Last struct {
	At         time.Time `json:"at"` // when it began
	Causes     []string  `json:"causes"`
	Result     Result    `json:"result"`
	Changes    []Change  `json:"changes"` // what it changed
	Effects    []string  `json:"effects"` // what it restarted or reloaded
	DurationMs int64     `json:"durationMs"`
}

// Change is a change that was made, or could not be.
type Change struct {
	render.ID
	Action string `json:"action"`
	Error  string `json:"error,omitempty"`
}

// Wait is what a change waits for.
type Wait string

// What changes wait for.
const (
	Window   Wait = "window"   // the time at which things may be restarted
	Fight    Wait = "fight"    // somebody else changes it back again and again
	Guard    Wait = "guard"    // a flag that lets it pass
	Conflict Wait = "conflict" // somebody else's it is
	Absent   Wait = "absent"   // something that is not there yet
	Report   Wait = "report"   // an apply by hand: for now we only report
	Retry    Wait = "retry"    // the next try, after it has failed
	Busy     Wait = "busy"     // another regsync that is at work
)

// waits are all of them.
var waits = []Wait{Window, Fight, Guard, Conflict, Absent, Report, Retry, Busy}

// Pending is a change that is due and waits.
type Pending struct {
	render.ID
	Action string     `json:"action"` // a plan's; run, of an effect
	Wait   Wait       `json:"wait"`
	Until  *time.Time `json:"until,omitempty"` // null: nobody knows
	Reason string     `json:"reason"`
}

// Trouble is something that goes on.
type Trouble struct {
	Since   time.Time `json:"since"`
	Message string    `json:"message"`
}

// Stream is something that tells the service of changes.
type Stream struct {
	Name  string    `json:"name"`
	Up    bool      `json:"up"`
	Since time.Time `json:"since"`
	Why   string    `json:"why,omitempty"` // why it is down
}

// same reports whether two trouble-free or troubled states say the same, whenever they began.
func (t *Trouble) same(other *Trouble) bool {
	return t == other || t != nil && other != nil && t.Message == other.Message
}

// lasting gives the trouble that goes on now: since it began, if it is the one of before.
func lasting(before *Trouble, message string, now time.Time) *Trouble {
	after := &Trouble{Since: now, Message: message}
	switch {
	case message == "":
		return nil
	case before.same(after):
		return before
	}
	return after
}

// same reports whether a status tells nothing that another one does not. Which round said so does not matter.
func (s *Status) same(other *Status) bool {
	return s.Converged == other.Converged && s.Generation == other.Generation && (s.Last == nil) == (other.Last == nil) &&
		s.LastError.same(other.LastError) && s.Spec.same(other.Spec) &&
		slices.EqualFunc(s.Pending, other.Pending, Pending.same) && slices.Equal(s.Failed, other.Failed) && slices.Equal(s.Streams, other.Streams)
}

func (p Pending) same(other Pending) bool {
	sameEnd := p.Until == other.Until || p.Until != nil && other.Until != nil && p.Until.Equal(*other.Until)
	p.Until, other.Until = nil, nil
	return sameEnd && p == other
}

// line is the status in one line, as systemctl status shows it.
func (s *Status) line() string {
	var parts []string
	switch {
	case s.Last == nil:
		return "looking at the node for the first time"
	case s.Converged:
		parts = append(parts, "converged")
	default:
		parts = append(parts, "not converged")
	}
	if s.Spec != nil {
		parts = append(parts, "the file is not valid, the last good one is in force")
	}
	if s.LastError != nil {
		parts = append(parts, s.LastError.Message)
	}
	if len(s.Failed) > 0 {
		parts = append(parts, render.Count(len(s.Failed), "change")+" failed")
	}
	if len(s.Pending) > 0 {
		parts = append(parts, render.Count(len(s.Pending), "change")+" waiting")
	}
	for _, stream := range s.Streams {
		if !stream.Up {
			parts = append(parts, "no word from "+stream.Name)
		}
	}
	line, _, _ := strings.Cut(strings.Join(parts, "; "), "\n")
	return line
}
