package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// storeys are what the program consists of, from below: each with a package of ours, or of others, and what of it is called. What one adds is
// what it adds to those above it in this list: many share net/http, gRPC or protobuf.
var storeys = []struct{ what, path, calls string }{
	{"an empty program", "", ""},
	{"HTTP and TLS", "net/http", "http.Get"},
	{"the command line: cobra", "github.com/spf13/cobra", "(*cobra.Command).ExecuteContext"},
	{"the file: yaml, go-multierror", "github.com/regsync/regsync/spec", "spec.Load"},
	{"the plan: go-toml", "github.com/regsync/regsync/render", "render.Render"},
	{"Docker: D-Bus", "github.com/regsync/regsync/internal/docker", "docker.Daemon.Reload"},
	{"containerd's loaders of hosts.toml, 1.7 and 2.2", "github.com/regsync/regsync/internal/loader", "loader.Judge"},
	{"a running containerd: its API, gRPC", "github.com/regsync/regsync/internal/runtime", "runtime.Version, runtime.Service.Restart"},
	{"images: more of its API", "github.com/regsync/regsync/internal/images", "images.Open, (*images.Store).Import, (*images.Store).Pull, (*images.Store).Look"},
	{"archives: zstd", "github.com/regsync/regsync/internal/archive", "(*archive.Cache).Index"},
	{"credentials: docker/cli", "github.com/regsync/regsync/internal/credentials", "(*credentials.Sources).Login"},
	{"the cluster: client-go, rest and clientcmd", "github.com/regsync/regsync/internal/cluster", "cluster.Open, (*cluster.Client).Look, (*cluster.Client).Apply, (*cluster.Lease).Take"},
	{"metrics: client_golang", "github.com/regsync/regsync/internal/beacon", "beacon.New, (*beacon.Beacon).Listen"},
	{"the terminal: mpb", "github.com/regsync/regsync/internal/view", "view.NewProgress, view.Text.Plan"},
}

// size builds a program for each storey and those below it, as make build does, and prints how much bigger it is than the one before. The
// last line is regsync itself.
func size(w io.Writer, program string) error {
	dir, err := os.MkdirTemp("", "size-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	before := int64(0)
	line := func(what string, now int64) {
		fmt.Fprintf(w, "%6.2f MB  %+6.2f  %s\n", float64(now)/1e6, float64(now-before)/1e6, what)
		before = now
	}
	for i, l := range storeys {
		n, err := stacked(dir, i+1)
		if err != nil {
			return fmt.Errorf("%s: %w", l.what, err)
		}
		line(l.what, n)
	}
	file, err := os.Stat(program)
	if err != nil {
		return err
	}
	line("regsync: all that calls it", file.Size())
	return nil
}

// stacked builds a program that has the first n of storeys, and gives its size in bytes. Its source is an overlay: only what is in this module
// may import our packages.
func stacked(dir string, n int) (int64, error) {
	var imports, calls strings.Builder
	for _, l := range storeys[:n] {
		if l.path != "" {
			fmt.Fprintf(&imports, "\t%q\n", l.path)
			fmt.Fprintf(&calls, "\t%s,\n", l.calls)
		}
	}
	source := "package main\n\nimport (\n\t\"os\"\n" + imports.String() + ")\n\nvar calls = []any{\n" + calls.String() +
		"}\n\nfunc main() {\n\tif len(os.Args) > len(calls)+99 {\n\t\tpanic(calls)\n\t}\n}\n"
	file, overlay, out := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "stacked")
	root, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "test", "bench", "stacked", "main.go"): file}})
	if err != nil {
		return 0, err
	}
	for name, data := range map[string][]byte{file: []byte(source), overlay: text} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return 0, err
		}
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-tags", "grpcnotrace", "-trimpath", "-ldflags", "-s -w", "-o", out, "./test/bench/stacked")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, said)
	}
	built, err := os.Stat(out)
	if err != nil {
		return 0, err
	}
	return built.Size(), nil
}
