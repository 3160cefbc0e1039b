package beacon

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// client asks a service that listens on a socket.
func client(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
}

// get gives the status code of an answer, and its text.
func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (b *Beacon) mustListen(t *testing.T, address string) {
	t.Helper()
	if err := b.Listen(address); err != nil {
		t.Fatal(err)
	}
}

// What has happened can be counted by Prometheus, under names as it wants them.
func TestMetrics(t *testing.T) {
	clock := noon()
	b := begin(t, Config{Version: "1.2.3", now: clock.now})
	socket := filepath.Join(t.TempDir(), "regsync.sock")
	b.mustListen(t, "unix://"+socket)
	until := clock.Add(time.Minute)
	image := plan.Change{ID: nginx, Action: plan.Create, Image: &render.Image{}}
	archived := plan.Change{ID: nginx, Action: plan.Create, Image: &render.Image{Archive: "/a.tar"}}
	b.Stream("containerd", true, "")
	b.Stream("kubernetes", false, "refused")
	b.Event(apply.Event{Stage: apply.Moving, Change: &image, Bytes: 1000})
	b.Event(apply.Event{Stage: apply.Moving, Change: &archived, Bytes: 500})
	b.Event(apply.Event{Stage: apply.Ran, Effect: &plan.Effect{Name: render.ReloadDocker}})
	b.Event(apply.Event{Stage: apply.Unserved, Effect: &plan.Effect{Name: render.RestartContainerd}})
	b.mustRound(t, Round{
		Causes: []string{"/etc/hosts"}, Took: 30 * time.Millisecond, Done: []plan.Change{healed},
		Failed: []apply.Failure{{Change: image, Err: errors.New("no")}},
	})
	fight := Round{
		Causes: []string{"containerd: /images/delete"}, Took: time.Millisecond,
		Pending: []Pending{{ID: hosts, Wait: Fight, Until: &until}, {ID: nginx, Wait: Conflict}},
	}
	b.mustRound(t, fight)
	b.mustRound(t, fight) // it is the same truce
	later := until.Add(time.Hour)
	fight.Pending = []Pending{{ID: hosts, Wait: Fight, Until: &later}}
	b.mustRound(t, fight)
	b.mustRound(t, Round{Causes: []string{"resync"}, Spec: errors.New("bad")})

	_, text := get(t, client(socket), "http://regsync/metrics")
	var got []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "regsync_") && !strings.Contains(line, "_bucket{") {
			got = append(got, regexp.MustCompile(`goversion="go[^"]*"`).ReplaceAllString(strings.TrimSpace(line), "goversion=go"))
		}
	}
	want := []string{
		`regsync_build_info{goversion=go,version="1.2.3"} 1`,
		`regsync_changes_total{action="create",kind="image",result="failed"} 1`,
		`regsync_changes_total{action="update",kind="file",result="done"} 1`,
		`regsync_converged 0`,
		`regsync_effects_total{effect="reload docker",result="done"} 1`,
		`regsync_effects_total{effect="restart containerd",result="unserved"} 1`,
		`regsync_fights_total{kind="file",name="/etc/hosts"} 2`,
		`regsync_image_bytes_total{source="archive"} 500`,
		`regsync_image_bytes_total{source="registry"} 1000`,
		`regsync_last_success_timestamp_seconds 1.7723664e+09`,
		`regsync_pending_changes{wait="absent"} 0`,
		`regsync_pending_changes{wait="busy"} 0`,
		`regsync_pending_changes{wait="conflict"} 0`,
		`regsync_pending_changes{wait="fight"} 0`,
		`regsync_pending_changes{wait="guard"} 0`,
		`regsync_pending_changes{wait="report"} 0`,
		`regsync_pending_changes{wait="retry"} 0`,
		`regsync_pending_changes{wait="window"} 0`,
		`regsync_round_duration_seconds_sum 0.033`,
		`regsync_round_duration_seconds_count 5`,
		`regsync_rounds_total{result="part",trigger="file"} 1`,
		`regsync_rounds_total{result="unchanged",trigger="resync"} 1`,
		`regsync_rounds_total{result="waiting",trigger="containerd"} 3`,
		`regsync_spec_valid 0`,
		`regsync_stream_up{stream="containerd"} 1`,
		`regsync_stream_up{stream="kubernetes"} 0`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (- want, + got):\n%s", diff)
	}
	if !strings.Contains(text, "\nprocess_resident_memory_bytes ") {
		t.Error("nothing is said of the process")
	}
	problems, err := testutil.GatherAndLint(b.metrics.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// It is healthy as long as the loop moves, and ready when the node was once as it should be and the file is valid.
func TestHealth(t *testing.T) {
	clock := noon()
	b := begin(t, Config{now: clock.now})
	socket := filepath.Join(t.TempDir(), "regsync.sock")
	b.mustListen(t, "unix://"+socket)
	is := func(path string, code int, want string) {
		t.Helper()
		if got, text := get(t, client(socket), "http://regsync"+path); got != code || !strings.Contains(text, want) {
			t.Errorf("%s: %d, %q; want %d, %q", path, got, text, code, want)
		}
	}
	is("/healthz", 200, "ok")
	is("/readyz", 503, "not yet")
	b.mustRound(t, Round{Err: errors.New("disk full")})
	is("/readyz", 503, "not yet")
	b.mustRound(t, Round{})
	is("/readyz", 200, "ok")
	b.mustRound(t, Round{Err: errors.New("disk full")}) // what is there goes on to serve
	is("/readyz", 200, "ok")
	b.mustRound(t, Round{Spec: errors.New("line 3: no")})
	is("/readyz", 503, "line 3: no")
	is("/healthz", 200, "ok")
	clock.Time = clock.Add(patience + time.Second)
	is("/healthz", 503, "nothing has moved for 10m1s")
	b.Alive()
	is("/healthz", 200, "ok")
	is("/debug/pprof/", 404, "")
}

// The socket of a service that is gone is taken over, and nothing else is.
func TestListen(t *testing.T) {
	b := begin(t, Config{})
	socket := filepath.Join(t.TempDir(), "regsync.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen("unix://" + socket); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("beside another: %v", err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	b.mustListen(t, "unix://"+socket)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if code, _ := get(t, client(socket), "http://regsync/healthz"); code != 200 {
		t.Errorf("code %d", code)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket stays behind")
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := begin(t, Config{}).Listen("unix://" + file); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("on a file: %v", err)
	}
	for _, address := range []string{"unix://relative", "9000", "tcp://127.0.0.1:9000", ""} {
		if err := begin(t, Config{}).Listen(address); err == nil || !strings.Contains(err.Error(), "is no address") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestListenTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, and then not
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := begin(t, Config{}).Listen(address); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a port that is taken: %v", err)
	}
	_ = l.Close()
	b := begin(t, Config{})
	b.mustListen(t, address)
	if code, text := get(t, http.DefaultClient, "http://"+address+"/metrics"); code != 200 || !strings.Contains(text, "regsync_build_info") {
		t.Errorf("%d, %s", code, text)
	}
}
