package view

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo terminal, and all that was written to it.
type terminal struct {
	slave  *os.File
	master *os.File

	mu   sync.Mutex
	more *sync.Cond
	raw  strings.Builder
	eof  bool
}

func newTerminal(t *testing.T, rows, columns uint16) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
	x := &terminal{slave: slave, master: master}
	x.more = sync.NewCond(&x.mu)
	go x.read()
	t.Cleanup(func() { slave.Close(); master.Close() })
	return x
}

// read takes what is written, until the other side is closed.
func (x *terminal) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := x.master.Read(buffer)
		x.mu.Lock()
		x.raw.Write(buffer[:n])
		x.eof = err != nil
		x.more.Broadcast()
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await waits until a text was drawn.
func (x *terminal) await(t *testing.T, text string) {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.eof = true
		x.more.Broadcast()
	})
	defer late.Stop()
	x.mu.Lock()
	defer x.mu.Unlock()
	for !strings.Contains(x.raw.String(), text) {
		if x.eof {
			t.Fatalf("%q was not drawn:\n%s", text, show(x.raw.String()))
		}
		x.more.Wait()
	}
}

var control = regexp.MustCompile(`^\x1b\[(\d*)([A-Za-z])`)

// show gives what stands on a screen on which raw was written: the lines that are left of it.
func show(raw string) string {
	lines, row := []string{""}, 0
	for raw = strings.ReplaceAll(raw, "\r\n", "\n"); raw != ""; {
		if m := control.FindStringSubmatch(raw); m != nil {
			raw = raw[len(m[0]):]
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				row = max(0, row-n)
			case "J":
				lines = append(lines[:row:row], "")
			default:
				lines[row] += m[0]
			}
			continue
		}
		if raw[0] == '\n' {
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
		} else {
			lines[row] += raw[:1]
		}
		raw = raw[1:]
	}
	return strings.Join(lines, "\n")
}

// frame gives what stands on the screen now.
func (x *terminal) frame() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return show(x.raw.String())
}

// hangUp ends the terminal while somebody still writes to it.
func (x *terminal) hangUp() {
	x.master.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	for !x.eof {
		x.more.Wait()
	}
}

// screen gives what stands on the screen in the end.
func (x *terminal) screen(t *testing.T) string {
	t.Helper()
	x.slave.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	for !x.eof {
		x.more.Wait()
	}
	return show(x.raw.String())
}
