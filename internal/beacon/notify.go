package beacon

import (
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// patience is how long the loop may stand still before it is taken for hung, where systemd does not say. Unpacking a big image on a slow disk
// gives no sign of life for minutes.
const patience = 10 * time.Minute

// notifier talks to systemd, if it has started us (sd_notify(3)), and knows whether the loop moves. What systemd cannot be told is not told:
// it will say itself that it misses it.
type notifier struct {
	now   func() time.Time
	limit time.Duration // how long the loop may stand still
	dog   bool          // systemd watches over it
	up    bool          // systemd knows that we are ready
	pulse *time.Ticker
	life  *life
}

// life is when the loop has moved.
type life struct {
	mu         sync.Mutex
	last, told time.Time
}

func newNotifier(now func() time.Time) (notifier, error) {
	n := notifier{now: now, limit: patience, life: &life{last: now()}}
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return n, fmt.Errorf("WATCHDOG_USEC, which systemd gives: %w", err)
	}
	if every > 0 {
		n.limit, n.dog = every, true
	}
	if _, err := daemon.SdNotify(false, "STATUS=starting"); err != nil {
		return n, fmt.Errorf("telling systemd, whose socket NOTIFY_SOCKET names: %w", err)
	}
	n.pulse = time.NewTicker(n.limit / 2)
	return n, nil
}

func (n *notifier) say(state string) {
	_, _ = daemon.SdNotify(false, state)
}

func (n *notifier) ready() {
	n.life.mu.Lock()
	n.up = true
	n.life.mu.Unlock()
	n.say(daemon.SdNotifyReady)
}

// reloading says so with the time, as Type=notify-reload wants it (systemd 253).
func (n *notifier) reloading() {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return
	}
	n.say(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, t.Nano()/1000))
}

func (n *notifier) stopping() {
	n.pulse.Stop()
	n.say(daemon.SdNotifyStopping)
}

// alive notes that the loop moves, and tells the watchdog so, but not every time: what moves may do so a thousand times a second.
func (n *notifier) alive() {
	n.life.mu.Lock()
	defer n.life.mu.Unlock()
	n.life.last = n.now()
	if n.life.last.Sub(n.life.told) < n.limit/4 {
		return
	}
	n.life.told = n.life.last
	if !n.up { // the first round may bring gigabytes
		n.say(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", n.limit.Microseconds()))
	}
	if n.dog {
		n.say(daemon.SdNotifyWatchdog)
	}
}

// still gives how long the loop has stood still, if that is too long; else 0.
func (n *notifier) still() time.Duration {
	n.life.mu.Lock()
	defer n.life.mu.Unlock()
	if d := n.now().Sub(n.life.last); d > n.limit {
		return d
	}
	return 0
}
