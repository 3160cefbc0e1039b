package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/render"
)

func TestInstalled(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/bin/dockerd": true, "/usr/sbin/dockerd": true, "/lib/systemd/system/docker.service": true, "/etc/docker/daemon.json": true,
		"/var/run/docker.sock": true, "/usr/bin/docker": false, "/etc/docker": false,
	} {
		if got := Installed(func(p string) bool { return p == path }); got != want {
			t.Errorf("with nothing but %s: %v, want %v", path, got, want)
		}
	}
}

func TestOn(t *testing.T) {
	root := tree(t, nil)
	for link, target := range map[string]string{"up": "../../../run", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"/var/run/docker.sock": "/run/docker.sock",
		"/up/docker.sock":      "/run/docker.sock",
		"/etc/../../x":         "/x",
		"/none/at/all":         "/none/at/all",
		"/loop":                "/loop",
	} {
		if got := (Daemon{Root: root}).on(path); got != filepath.Join(root, want) {
			t.Errorf("%s is %s, want %s under the root", path, strings.TrimPrefix(got, root), want)
		}
		if got := (Daemon{}).on(path); got != path {
			t.Errorf("%s without a root is %s", path, got)
		}
	}
}

func TestNotRunning(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"nothing there":      {"proc/self/x": ""},
		"no such process":    {"proc/self/x": "", "var/run/docker.pid": "2147483647"},
		"bad pid file":       {"proc/self/x": "", "var/run/docker.pid": "x"},
		"another process":    {"proc/self/x": "", "var/run/docker.pid": "2147483647", "proc/2147483647/comm": "sh"},
		"in another table":   {"proc/self/x": "", "var/run/docker.pid": "2147483647", "proc/2147483647/comm": "dockerd"},
		"process, no socket": {"proc/self/x": "", "proc/2147483647/comm": "dockerd"},
	} {
		d := Daemon{Root: tree(t, files)}
		if err := d.Reload(t.Context()); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: reloading: %v", name, err)
		}
		if _, err := d.Info(t.Context()); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: asking: %v", name, err)
		}
	}
}

func TestInfoUnderRoot(t *testing.T) {
	root, err := os.MkdirTemp("", "root-") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Mkdir(filepath.Join(root, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(root, "run/docker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan int, 2)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/info" {
			t.Errorf("asked for %q", r.URL)
		}
		w.WriteHeader(<-answers)
		io.WriteString(w, `{"ServerVersion": "29.0.0"}`)
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })

	d := Daemon{Root: root, Socket: "unix:///run/docker.sock"}
	answers <- http.StatusOK
	if info, err := d.Info(t.Context()); err != nil || info.ServerVersion != "29.0.0" {
		t.Errorf("info %+v, %v", info, err)
	}
	answers <- http.StatusInternalServerError
	if _, err := d.Info(t.Context()); err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "500") {
		t.Errorf("error %v, want one with 500", err)
	}

	// A socket that systemd holds open is not knocked at: that would start Docker.
	if err := os.MkdirAll(filepath.Join(root, "proc/self"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Info(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("error %v, want %v", err, ErrNotRunning)
	}
}

func TestAwaitInfoEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Daemon{Root: tree(t, map[string]string{"proc/self/x": ""})}.AwaitInfo(ctx, func(Info) bool { return true })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestParseInfo(t *testing.T) {
	const answer = `{"ServerVersion": "20.10.24", "RegistryConfig": {
		"InsecureRegistryCIDRs": ["127.0.0.0/8", "10.20.0.0/16", "::1/128"],
		"IndexConfigs": {"docker.io": {"Name": "docker.io", "Secure": true, "Official": true}, "b:1": {"Secure": false}, "a:1": {"Secure": false}},
		"Mirrors": ["http://m/"]}}`
	got, err := parseInfo([]byte(answer))
	want := Info{ServerVersion: "20.10.24", InsecureRegistries: []string{"10.20.0.0/16", "a:1", "b:1"}, Mirrors: []string{"http://m/"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := parseInfo([]byte("<html>")); err == nil {
		t.Error("no error for what is no JSON")
	}
}

func TestMissing(t *testing.T) {
	info := Info{InsecureRegistries: []string{"10.20.0.0/16", "a:1"}, Mirrors: []string{"http://m/", "http://n/"}}
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"keys that it does not have", `{}`, nil},
		{"same", `{"insecure-registries": ["http://a:1", "10.20.9.9/16", "127.0.0.0/8", "docker.io"], "registry-mirrors": ["http://M", "http://n/", "http://m/"]}`, nil},
		{"other order", `{"registry-mirrors": ["http://n", "http://m"]}`, []string{"registry-mirrors: dockerd has them in another order: http://m/, http://n/"}},
		{"more", `{"insecure-registries": ["a:1", "10.20.0.0/16", "A:1"]}`, []string{`insecure-registries: dockerd does not have "A:1"`}},
		{"less", `{"insecure-registries": [], "registry-mirrors": ["http://m"]}`, []string{
			`insecure-registries: dockerd still has "10.20.0.0/16"`, `insecure-registries: dockerd still has "a:1"`, `registry-mirrors: dockerd still has "http://n/"`,
		}},
		{"torn", `{`, []string{"dockerd cannot read the file: unexpected end of JSON input"}},
	} {
		if diff := cmp.Diff(tt.want, info.Missing([]byte(tt.file))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := info.Missing(nil); got != nil {
		t.Errorf("no file: %q", got)
	}
}

func TestValidate(t *testing.T) {
	const (
		good = `{"registry-mirrors": ["http://m"]}`
		path = `{"registry-mirrors": ["http://m/hub"]}`
		torn = `{`
	)
	// A program that says what a dockerd says, by version.
	program := func(script string) string {
		file := filepath.Join(t.TempDir(), "dockerd")
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	old := program(`echo 'Status: unknown flag: --validate' >&2; exit 125`)
	content := program(`[ "$1 $2" = "--validate --config-file" ] && grep -q . "$3" && echo "configuration OK"`)
	strict := program(`echo "unable to configure the Docker daemon with file $3: no" >&2; exit 1`)
	for _, tt := range []struct{ name, program, config, want string }{
		{"old, good", old, good, ""},
		{"old, path", old, path, "has a path"},
		{"old, torn", old, torn, "the file ends"},
		{"none, good", "/none/dockerd", good, ""},
		{"none, path", "/none/dockerd", path, "has a path"},
		{"content, good", content, good, ""},
		{"content with a path", content, path, ""},
		{"content, torn", content, torn, "the file ends"},
		{"strict, good", strict, good, `refuses "/etc/docker/daemon.json": unable to configure the Docker daemon with file /etc/docker/daemon.json: no`},
	} {
		err := Daemon{Program: tt.program}.Validate(t.Context(), []byte(tt.config))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		var withPath *render.MirrorPath
		if errors.As(err, &withPath) != (tt.want == "has a path") {
			t.Errorf("%s: %v, want a MirrorPath", tt.name, err)
		}
	}
}
