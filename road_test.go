// Package regsync_test holds what no package can hold alone: the direction of imports.
package regsync_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/regsync/regsync/"

// road is who of ours may import whom. Data runs from spec to apply; imports run only the other way.
var road = map[string][]string{
	"spec":   {},
	"schema": {},
	"render": {"spec"},
	"plan":   {"render", "spec"},
	"apply":  {"plan", "render", "spec"},

	"internal/docker":      {"render"},
	"internal/runtime":     {"render"},
	"internal/loader":      {"render"},
	"internal/node":        {"plan", "render", "spec"},
	"internal/ledger":      {"plan", "render"},
	"internal/images":      {"plan", "render", "spec", "internal/runtime"},
	"internal/archive":     {"render", "spec"},
	"internal/fetch":       {},
	"internal/throttle":    {},
	"internal/agent":       {},
	"internal/cluster":     {"plan", "render"},
	"internal/credentials": {"render", "spec"},
	"internal/probe":       {"render", "spec", "internal/loader"},
	"internal/doctor":      {"render", "spec", "internal/loader", "internal/probe"},
	"internal/draft":       {"render", "spec"},
	"internal/convert":     {"spec", "internal/draft"},
	"internal/capture":     {"render", "spec", "internal/draft", "internal/loader", "internal/probe"},
	"internal/watch":       {},
	"internal/beacon":      {"apply", "plan", "render"},
	"internal/view":        {"apply", "plan", "render", "spec", "internal/beacon", "internal/doctor", "internal/probe"},
}

// pure packages take values and give values: the same ones today and tomorrow, here and there.
var pure = []string{"spec", "render", "plan", "internal/draft", "internal/convert"}

// outside are packages that reach out of the process. crypto/x509 brings os and net with it, so these are looked for among what a
// pure package imports itself.
var outside = []string{"os", "net", "syscall", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand"}

// heavy are what a pure package must not bring with it, by any way.
var heavy = []string{
	"os/exec", "os/signal", "net/http", "github.com/containerd/", "k8s.io/", "google.golang.org/grpc", "golang.org/x/sys/unix",
	"github.com/godbus/", "github.com/coreos/",
}

// homes are the packages to which a heavy import is confined.
var homes = map[string][]string{
	"github.com/containerd/containerd/remotes/docker/config":         {"internal/loader"},
	"github.com/containerd/containerd/v2/core/remotes/docker/config": {"internal/loader"},
	"github.com/containerd/containerd/remotes/docker":                {"internal/loader", "internal/probe"},
	"github.com/containerd/containerd/v2/core/remotes/docker":        {"internal/loader", "internal/probe", "internal/images"},
	"github.com/containerd/containerd/v2/client":                     {},
	"github.com/containerd/containerd/api/services/images/v1":        {"internal/images"},
	"github.com/containerd/containerd":                               {},
	"k8s.io/client-go/rest":                                          {"internal/cluster"},
	"k8s.io/client-go/tools/clientcmd":                               {"internal/cluster"},
	"github.com/prometheus/client_golang/prometheus":                 {"internal/beacon"},
	"github.com/spf13/cobra":                                         {"cmd/regsync"},
	"golang.org/x/term":                                              {"internal/view"},
	"github.com/vbauerster/mpb/v8":                                   {"internal/view"},
}

// list runs go list for the module's packages and gives its lines, split at spaces.
func list(t *testing.T, args ...string) [][]string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, complaint.String())
	}
	var lines [][]string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

// imports gives what each package of ours imports, without its tests. Suites, examples, documents and what packs the program are not on the road.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, line := range list(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		name, ours := strings.CutPrefix(line[0], module)
		first, _, _ := strings.Cut(name, "/")
		if ours && !slices.Contains([]string{"test", "examples", "docs", "deploy"}, first) {
			found[name] = line[1:]
		}
	}
	return found
}

func TestDirection(t *testing.T) {
	found := imports(t)
	for name, list := range found {
		if strings.HasPrefix(name, "cmd/") {
			continue // where everything is put together
		}
		may, ok := road[name]
		if !ok {
			t.Errorf("%s has no place on the road: give it one", name)
			continue
		}
		for _, i := range list {
			if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s; it may import %q", name, ours, may)
			}
		}
	}
	for _, name := range []string{"spec", "render", "plan", "apply", "cmd/regsync"} {
		if _, ok := found[name]; !ok {
			t.Errorf("%s was not found: this test looks in the wrong place", name)
		}
	}
}

func TestHomes(t *testing.T) {
	for name, list := range imports(t) {
		for _, i := range list {
			if home, ok := homes[i]; ok && !slices.Contains(home, name) {
				t.Errorf("%s imports %s, which is for %q only", name, i, home)
			}
		}
	}
}

func TestPure(t *testing.T) {
	found := imports(t)
	for _, name := range pure {
		for _, i := range found[name] {
			if slices.Contains(outside, i) {
				t.Errorf("%s imports %s", name, i)
			}
		}
		deps := list(t, "-deps", "./"+name)
		for _, dep := range deps {
			for _, h := range heavy {
				if dep[0] == h || strings.HasSuffix(h, "/") && strings.HasPrefix(dep[0], h) || strings.HasPrefix(dep[0], h+"/") {
					t.Errorf("%s brings %s with it", name, dep[0])
				}
			}
		}
	}
}

// TestNoClock: of time the pure packages know durations only.
func TestNoClock(t *testing.T) {
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"}
	for _, name := range pure {
		eachSource(t, name, func(set *token.FileSet, tree *ast.File) {
			ast.Inspect(tree, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clock, s.Sel.Name) {
					t.Errorf("%s: time.%s", set.Position(s.Pos()), s.Sel.Name)
				}
				return true
			})
		})
	}
}

// eachSource parses the files of one of our packages, without its tests.
func eachSource(t *testing.T, name string, look func(*token.FileSet, *ast.File)) {
	t.Helper()
	files, err := filepath.Glob(name + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", name, len(files), err)
	}
	set := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		look(set, tree)
	}
}
