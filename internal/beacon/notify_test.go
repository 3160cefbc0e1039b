package beacon

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/regsync/regsync/plan"
)

// systemd is the other end of a notify socket, as systemd has one.
type systemd struct{ *net.UnixConn }

func newSystemd(t *testing.T) systemd {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return systemd{conn}
}

// hears expects what the service says next.
func (s systemd) hears(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		text := make([]byte, 4096)
		n, err := s.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(text[:n]); !regexp.MustCompile("^" + w + "$").MatchString(got) {
			t.Errorf("systemd hears %q, want %q", got, w)
		}
	}
}

// systemd hears when it is ready, how it is doing as far as that is news, and when it ends.
func TestNotify(t *testing.T) {
	s := newSystemd(t)
	b := begin(t, Config{})
	s.hears(t, "STATUS=starting", "STATUS=looking at the node for the first time", "EXTEND_TIMEOUT_USEC=.*")
	b.mustRound(t, Round{Done: []plan.Change{healed}})
	s.hears(t, "STATUS=converged", "READY=1")
	b.mustRound(t, Round{})
	b.Stream("containerd", false, "connection refused")
	s.hears(t, "STATUS=converged; no word from containerd")
	b.Reloading()
	s.hears(t, `RELOADING=1\nMONOTONIC_USEC=[1-9]\d*`)
	b.mustRound(t, Round{Spec: errors.New("bad"), Err: errors.New("disk full\nvery full"), Pending: []Pending{{ID: hosts, Wait: Conflict}}})
	s.hears(t, "STATUS=not converged; the file is not valid, the last good one is in force; disk full", "READY=1")
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	s.hears(t, "STOPPING=1")
}

// A socket that nobody is at is said at once: the service would never be ready.
func TestNobodyToNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if _, err := New(Config{Dir: t.TempDir()}); err == nil {
		t.Error("no error")
	}
}

// The watchdog is fed as long as the loop moves, and not a moment longer: nobody but the loop feeds it.
func TestWatchdog(t *testing.T) {
	s := newSystemd(t)
	t.Setenv("WATCHDOG_USEC", fmt.Sprint((20 * time.Millisecond).Microseconds()))
	b := begin(t, Config{})
	s.hears(t, "STATUS=starting", "STATUS=looking at the node for the first time", "EXTEND_TIMEOUT_USEC=.*")
	b.mustRound(t, Round{})
	s.hears(t, "WATCHDOG=1", "STATUS=converged", "READY=1")
	for range 3 {
		<-b.Pulse()
		b.Alive()
		b.Alive() // not every time
		s.hears(t, "WATCHDOG=1")
	}
	for range 5 { // it hangs
		<-b.Pulse()
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	s.hears(t, "STOPPING=1")
}
