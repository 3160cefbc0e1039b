package credentials

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/regsync/regsync/spec"
)

func makeFifo(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
}

// gone waits until the process whose id stands in a file is dead.
func gone(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	for {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestTimeout(t *testing.T) {
	s := sources(t, nil, nil)
	s.Timeout = 2 * time.Second
	pid := filepath.Join(t.TempDir(), "pid")
	c := &spec.Credential{Password: &spec.Secret{Command: []string{"sh", "-c", "echo who? >&2; echo $$ > " + pid + "; sleep 600; echo"}}}
	_, _, problem := ask(t, s, c)
	if problem != `running "sh": it gave no answer within 2s: who?` {
		t.Errorf("error %q", problem)
	}
	gone(t, pid)
}
