package regsync_test

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"
)

// slow are packages that cost every run of the program time before it begins: they compile patterns or register types when they are
// loaded. What they are for is done here without them ([ADR 22](docs/adr/0022-start.md)).
var slow = []string{
	"github.com/containerd/containerd/v2/client",
	"github.com/distribution/reference",
	"github.com/google/go-cmp/cmp",
	"github.com/prometheus/client_golang/prometheus",
	"golang.org/x/net/trace",
	"html/template",
	"k8s.io/client-go/kubernetes/scheme",
	"testing",
}

func TestStart(t *testing.T) {
	brought := list(t, "-tags", "grpcnotrace", "-deps", "./cmd/regsync")
	for _, dep := range brought {
		if slices.Contains(slow, dep[0]) {
			t.Errorf("the program brings %s with it", dep[0])
		}
	}
	if !slices.ContainsFunc(brought, func(dep []string) bool { return dep[0] == "google.golang.org/grpc" }) {
		t.Error("the program was not found: this test looks in the wrong place")
	}
}

// TestPatterns: a run needs few of the regular expressions, so each is compiled when it is first asked for.
func TestPatterns(t *testing.T) {
	for name := range imports(t) {
		eachSource(t, name, func(set *token.FileSet, tree *ast.File) {
			ast.Inspect(tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl, *ast.FuncLit:
					return false // runs when it is called
				case *ast.SelectorExpr:
					if n.Sel.Name == "MustCompile" {
						t.Errorf("%s: compiled at each start: put it into sync.OnceValue", set.Position(n.Pos()))
					}
				}
				return true
			})
		})
	}
}
