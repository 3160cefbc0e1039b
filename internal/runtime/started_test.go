package runtime

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestStarted(t *testing.T) {
	pid, started, err := Started((&fake{}).serve(t))
	if err != nil {
		t.Fatal(err)
	}
	if pid != os.Getpid() {
		t.Errorf("pid %d, want %d", pid, os.Getpid())
	}
	cat := exec.Command("cat")
	in, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	child, err := startTime(cat.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	cat.Wait()
	const tick = time.Second / ticks
	if child.Before(before.Add(-3*tick)) || child.After(after.Add(3*tick)) {
		t.Errorf("a child of %v to %v began at %v", before, after, child)
	}
	if started.After(child) {
		t.Errorf("began at %v, after its child at %v", started, child)
	}
}
