package beacon

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// TestMain is a service too, that speaks until it is killed: what it leaves is a dead one's.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BEACON_SPEAKS_IN"); dir != "" {
		if _, err := New(Config{Dir: dir}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("speaking")
		select {}
	}
	m.Run()
}

// watch is a clock that stands until it is set.
type watch struct{ time.Time }

func (w *watch) now() time.Time { return w.Time }

func noon() *watch { return &watch{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func begin(t *testing.T, c Config) *Beacon {
	t.Helper()
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "run", "regsync")
	}
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func (b *Beacon) mustRound(t *testing.T, r Round) {
	t.Helper()
	if err := b.Round(r); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, dir string) Status {
	t.Helper()
	s, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	hosts   = render.ID{Kind: render.KindFile, Name: "/etc/hosts"}
	nginx   = render.ID{Kind: render.KindImage, Name: "docker.io/library/nginx:1"}
	healed  = plan.Change{ID: hosts, Action: plan.Update}
	restart = render.ID{Kind: "effect", Name: "restart containerd"}
)

// What a service says is there for whoever asks, and what is no news is not written.
func TestStatus(t *testing.T) {
	clock := noon()
	dir := filepath.Join(t.TempDir(), "run", "regsync")
	b := begin(t, Config{Dir: dir, Version: "1.2.3", now: clock.now})
	start := clock.Time
	want := Status{
		FormatVersion: "1", Running: true, PID: os.Getpid(), Version: "1.2.3", StartedAt: start, Since: start,
		Pending: []Pending{}, Failed: []Change{}, Streams: []Stream{},
	}
	check := func(news bool) {
		t.Helper()
		if diff := cmp.Diff(want, mustRead(t, dir)); diff != "" {
			t.Errorf("the status (- want, + got):\n%s", diff)
		}
		info, err := os.Stat(filepath.Join(dir, statusFile))
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if stands := b.file.open != nil && sameFile(t, b.file.open, info); !stands {
			t.Error("the file that is locked is not the one that is there")
		}
		marked := !info.ModTime().Equal(mark)
		if marked != news {
			t.Errorf("written: %v, want %v", marked, news)
		}
		if err := os.Chtimes(filepath.Join(dir, statusFile), mark, mark); err != nil {
			t.Fatal(err)
		}
	}
	round := func(r Round) {
		t.Helper()
		clock.Time = clock.Add(time.Minute)
		r.Began, r.Took = clock.Time, 20*time.Millisecond
		b.mustRound(t, r)
	}
	last := func(result Result, causes []string, changes ...Change) {
		want.Last = &Last{At: clock.Time, Causes: causes, Result: result, Changes: append([]Change{}, changes...), Effects: []string{}, DurationMs: 20}
	}
	check(true)

	round(Round{Causes: []string{"start"}, Generation: 3, Done: []plan.Change{healed}})
	want.Converged, want.Since, want.Generation = true, clock.Time, 3
	last(Changed, []string{"start"}, Change{ID: hosts, Action: "update"})
	check(true)

	round(Round{Causes: []string{"resync"}, Generation: 3})
	check(false)

	// The file becomes invalid. Trouble that goes on is told once.
	round(Round{Causes: []string{"/etc/regsync/regsync.yaml"}, Generation: 3, Spec: errors.New("regsync.yaml:3:1: no")})
	want.Converged, want.Since = false, clock.Time
	want.Spec = &Trouble{Since: clock.Time, Message: "regsync.yaml:3:1: no"}
	last(Unchanged, []string{"/etc/regsync/regsync.yaml"})
	check(true)
	round(Round{Causes: []string{"resync"}, Generation: 3, Spec: errors.New("regsync.yaml:3:1: no")})
	check(false)

	// Something waits, something fails.
	until := clock.Add(time.Hour)
	waits := []Pending{{ID: restart, Action: "run", Wait: Window, Until: &until, Reason: "containerd's config"}}
	round(Round{
		Causes: []string{"resync"}, Generation: 3, Pending: waits,
		Failed: []apply.Failure{{Change: plan.Change{ID: nginx, Action: plan.Create}, Err: errors.New("no such host")}},
	})
	want.Spec, want.Pending, want.Failed = nil, waits, []Change{{ID: nginx, Action: "create", Error: "no such host"}}
	last(Part, []string{"resync"})
	check(true)
	again := until.In(time.FixedZone("elsewhere", 3600))
	round(Round{
		Generation: 3, Pending: []Pending{{ID: restart, Action: "run", Wait: Window, Until: &again, Reason: "containerd's config"}},
		Failed: []apply.Failure{{Change: plan.Change{ID: nginx, Action: plan.Create}, Err: errors.New("no such host")}},
	})
	check(false)

	// Failing as a whole, and the streams.
	round(Round{Generation: 3, Causes: []string{"retry"}, Err: errors.New("disk full")})
	want.Pending, want.Failed = []Pending{}, []Change{}
	want.LastError = &Trouble{Since: clock.Time, Message: "disk full"}
	last(Failed, []string{"retry"})
	check(true)
	b.Stream("containerd", false, "connection refused")
	want.Streams = []Stream{{Name: "containerd", Since: clock.Time, Why: "connection refused"}}
	check(true)
	b.Stream("containerd", false, "connection refused")
	check(false)
	b.Event(apply.Event{Stage: apply.Ran, Effect: &plan.Effect{Name: render.RestartContainerd}})
	round(Round{Generation: 4, Causes: []string{"retry"}})
	b.Stream("containerd", true, "")
	want.LastError, want.Converged, want.Since, want.Generation = nil, true, clock.Time, 4
	last(Changed, []string{"retry"})
	want.Last.Effects = []string{"restart containerd"}
	want.Streams = []Stream{{Name: "containerd", Up: true, Since: clock.Time}}
	check(true)

	// A source that is not listened to any more.
	b.Stream("kubernetes secrets", true, "")
	b.Drop("kube")
	want.Streams = append(want.Streams, Stream{Name: "kubernetes secrets", Up: true, Since: clock.Time})
	check(true)
	b.Drop("kubernetes")
	want.Streams = want.Streams[:1]
	check(true)

	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Read(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after goodbye: %v", err)
	}
}

// mark is when nobody writes.
var mark = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

func sameFile(t *testing.T, f *os.File, info fs.FileInfo) bool {
	t.Helper()
	open, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(open, info)
}

// One service speaks for a node. What one leaves that is killed is known for that, and is in nobody's way.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	service := exec.Command(os.Args[0])
	service.Env = append(os.Environ(), "BEACON_SPEAKS_IN="+dir)
	out, err := service.StdoutPipe()
	if err == nil {
		err = service.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "speaking\n" {
		t.Fatalf("%q, %v", said, err)
	}
	if s := mustRead(t, dir); !s.Running || s.PID != service.Process.Pid {
		t.Errorf("running %v, pid %d", s.Running, s.PID)
	}
	want := fmt.Sprintf("another regsync watch looks after this node (pid %d", service.Process.Pid)
	if _, err := New(Config{Dir: dir}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("beside it: %v", err)
	}
	if err := service.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = service.Wait()
	if s := mustRead(t, dir); s.Running {
		t.Error("it is dead, and runs")
	}
	half := filepath.Join(dir, ".watch.json-1234")
	if err := os.WriteFile(half, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, Config{Dir: dir})
	if s := mustRead(t, dir); !s.Running || s.PID != os.Getpid() {
		t.Errorf("the next one: running %v, pid %d", s.Running, s.PID)
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("what was written half is still there")
	}
}

// What is in the way of a status file is replaced, and not followed.
func TestDamagedStatus(t *testing.T) {
	for _, plant := range []func(name string) error{
		func(name string) error { return os.WriteFile(name, []byte("{"), 0o600) },
		func(name string) error { return os.Symlink("/dev/null", name) },
	} {
		dir := t.TempDir()
		name := filepath.Join(dir, statusFile)
		if err := plant(name); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(dir); err == nil {
			t.Errorf("read: %+v", s)
		}
		begin(t, Config{Dir: dir})
		if s := mustRead(t, dir); !s.Running {
			t.Error("it does not run")
		}
	}
}

// An error is said in the words that everybody may read, and a status that could not be written is when it can.
func TestUnwritten(t *testing.T) {
	b := begin(t, Config{Say: func(err error) string { return strings.ReplaceAll(err.Error(), "hunter2", "•") }})
	dir := b.file.dir
	b.file.dir = filepath.Join(dir, "gone")
	if err := b.Round(Round{Err: errors.New("token hunter2")}); err == nil || !strings.Contains(err.Error(), "gone/watch.json") {
		t.Errorf("err = %v", err)
	}
	b.file.dir = dir
	b.mustRound(t, Round{Err: errors.New("token hunter2")})
	if s := mustRead(t, dir); s.LastError == nil || s.LastError.Message != "token •" {
		t.Errorf("%+v", s.LastError)
	}
}

func TestTrigger(t *testing.T) {
	for cause, want := range map[string]string{
		"/etc/hosts": "file", "containerd: /images/delete": "containerd", "containerd is there": "containerd", "resync": "resync", "Other": "other", "": "other",
	} {
		if got := Trigger([]string{cause, "resync"}); got != want {
			t.Errorf("%q: %q, want %q", cause, got, want)
		}
	}
	if got := Trigger(nil); got != "resync" {
		t.Errorf("no cause: %q", got)
	}
}
