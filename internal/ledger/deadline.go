package ledger

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Moment is a point in time on a machine whose clock may be set, and which may be suspended and started again.
type Moment struct {
	Wall time.Time     `json:"wall"`
	Boot string        `json:"boot"` // which start of the machine
	Up   time.Duration `json:"up"`   // nanoseconds since then, suspended ones too
}

// Now is this moment.
func Now() (Moment, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Moment{}, fmt.Errorf("reading which boot this is: %w", err)
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return Moment{}, fmt.Errorf("reading the time since boot: %w", err)
	}
	return Moment{Wall: time.Now().UTC(), Boot: strings.TrimSpace(string(boot)), Up: time.Duration(up.Nano())}, nil
}

// Deadline is until when an apply can be confirmed.
type Deadline struct {
	Set Moment        `json:"set"`
	For time.Duration `json:"for"` // nanoseconds
}

// Until is when it is over, by the clock.
func (d Deadline) Until() time.Time { return d.Set.Wall.Add(d.For).Truncate(time.Second) }

// Left is how long it still is; not more than 0 where it is over. During the boot in which it was set it does not matter what the clock
// says. After another one only the clock is left; one that runs before the deadline was set is not believed, and then it is over.
func (d Deadline) Left(now Moment) time.Duration {
	if now.Boot == d.Set.Boot {
		return d.For - (now.Up - d.Set.Up)
	}
	if now.Wall.Before(d.Set.Wall) {
		return 0
	}
	return d.For - now.Wall.Sub(d.Set.Wall)
}

// Await has the apply that has begun wait to be confirmed when it is recorded.
func (l *Ledger) Await(d Deadline) error {
	if l.Journal == nil {
		return nil // it changes no file
	}
	l.Journal.Confirm = &d
	return l.writeJournal()
}

// Confirm keeps what waits to be confirmed.
func (l *Ledger) Confirm() error {
	if err := l.dropJournal(); err != nil {
		return err
	}
	l.sweep()
	g, err := l.generation(l.Generation)
	if err == nil {
		l.sweepGenerations(cmp.Or(g.History, defaultHistory))
	}
	return nil // what was not swept is so the next time
}
