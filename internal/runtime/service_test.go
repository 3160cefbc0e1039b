package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
)

// standIn puts a snap command on PATH that runs script, and gives the folder in which it runs.
func standIn(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "snap"), []byte("#!/bin/sh\ncd "+dir+"\necho \"$@\" >> calls\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/bin:/usr/bin")
	return dir
}

func TestRestartSnap(t *testing.T) {
	microk8s := Service{Runtime: render.MicroK8s}
	t.Run("busy, then done", func(t *testing.T) {
		dir := standIn(t, "[ $(wc -l < calls) -gt 1 ] || { echo 'error: snap \"microk8s\" has \"auto-refresh\" change in progress' >&2; exit 10; }\n")
		if err := microk8s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
		if want := strings.Repeat("restart microk8s.daemon-containerd\n", 2); string(calls) != want {
			t.Errorf("called %q", calls)
		}
	})
	t.Run("busy for ever", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tries := 0
		err := retry(ctx, 1, 1, func() (bool, error) {
			if tries++; tries == 3 {
				cancel()
			}
			return false, fmt.Errorf("restarting: %w", ErrBusy)
		})
		if !errors.Is(err, ErrBusy) || !errors.Is(err, context.Canceled) || tries != 3 {
			t.Errorf("after %d tries: %v", tries, err)
		}
	})
	t.Run("goes wrong", func(t *testing.T) {
		standIn(t, "echo 'error: snap \"microk8s\" not found' >&2; exit 1\n")
		if err := microk8s.Restart(t.Context()); err == nil || errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), `exit status 1: error: snap "microk8s" not found`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no snap", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if err := microk8s.Restart(t.Context()); !errors.Is(err, ErrNoService) || !strings.Contains(err.Error(), "by hand: snap restart") {
			t.Errorf("got %v", err)
		}
	})
}

// snapdStandIn answers as snapd at run/snapd.socket of the folder that it gives; answers are taken in order.
func snapdStandIn(t *testing.T, answers ...string) (host string, asked *[]string) {
	t.Helper()
	host = t.TempDir()
	if err := os.Mkdir(filepath.Join(host, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(host, "run/snapd.socket"))
	if err != nil {
		t.Fatal(err)
	}
	asked = new([]string)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		json.NewDecoder(r.Body).Decode(&body)
		*asked = append(*asked, strings.TrimSpace(fmt.Sprint(r.Method, " ", r.URL.Path, " ", body["action"], body["names"])))
		fmt.Fprint(w, answers[min(len(*asked), len(answers))-1])
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return host, asked
}

func TestRestartBySnapd(t *testing.T) {
	const (
		busy  = `{"type":"error","status-code":409,"result":{"message":"snap \"microk8s\" has \"refresh-snap\" change in progress","kind":"snap-change-conflict"}}`
		taken = `{"type":"async","status-code":202,"change":"77"}`
		doing = `{"type":"sync","result":{"ready":false,"status":"Doing"}}`
		done  = `{"type":"sync","result":{"ready":true,"status":"Done"}}`
		fault = `{"type":"sync","result":{"ready":true,"status":"Error","err":"service did not come up"}}`
		gone  = `{"type":"error","status-code":404,"result":{"message":"snap \"microk8s\" not found","kind":"snap-not-found"}}`
	)
	tests := []struct {
		name    string
		answers []string
		want    string // of the error; empty: none
		asked   int
	}{
		{"done", []string{taken, done}, "", 2},
		{"busy, doing, done", []string{busy, taken, doing, done}, "", 4},
		{"went wrong", []string{taken, fault}, "service did not come up", 2},
		{"refused", []string{gone}, `snap "microk8s" not found`, 1},
		{"no JSON", []string{"<html>"}, "reading snapd's answer", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, asked := snapdStandIn(t, tt.answers...)
			err := Service{Runtime: render.MicroK8s, Host: host}.Restart(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
			if len(*asked) != tt.asked || (*asked)[0] != "POST /v2/apps restart[microk8s.daemon-containerd]" {
				t.Errorf("asked %q", *asked)
			}
		})
	}
	if err := (Service{Runtime: render.MicroK8s, Host: t.TempDir()}).Restart(t.Context()); !errors.Is(err, ErrNoService) {
		t.Errorf("without snapd: %v", err)
	}
}

func TestNoSystemd(t *testing.T) {
	err := Service{Runtime: render.Containerd, Host: t.TempDir()}.Restart(t.Context())
	if !errors.Is(err, ErrNoService) || !strings.Contains(err.Error(), "by hand: systemctl restart containerd.service") {
		t.Errorf("got %v", err)
	}
	if err := (Service{Runtime: render.NoRuntime}).Restart(t.Context()); !errors.Is(err, ErrNoService) {
		t.Errorf("got %v", err)
	}
}
