package spec_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/regsync/regsync/schema"
	"github.com/regsync/regsync/spec"
)

var update = flag.Bool("update", false, "write the positions of the problems to the corpus")

// cannotSay marks a bad file that the schema lets pass, because it sees one entry at a time or reads an older YAML.
const cannotSay = "# schema: cannot say\n"

func TestGood(t *testing.T) {
	judge := compile(t)
	for _, name := range corpus(t, "good") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := read(t, name)
			if _, _, err := spec.Load([]spec.Source{{Name: name, Data: data}}, node); err != nil {
				t.Error(err)
			}
			if err := judge(data); err != nil {
				t.Error("schema:", err)
			}
		})
	}
}

func TestBad(t *testing.T) {
	judge := compile(t)
	for _, name := range corpus(t, "bad") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := read(t, name)
			first, rest, _ := strings.Cut(string(data), "\n")
			var at, path, message string
			if want, ok := strings.CutPrefix(first, "# want: "); ok {
				at, want, _ = strings.Cut(want, " ")
				path, message, _ = strings.Cut(want, " ")
			}
			if message == "" {
				t.Fatal("the file does not begin with # want: LINE:COL PATH MESSAGE (PATH may be -)")
			}
			_, _, err := spec.Load([]spec.Source{{Name: name, Data: data}}, node)
			p := find(t, err, strings.TrimPrefix(path, "-"), message)
			if p == nil {
				t.Fatalf("want %s %q, got:\n%v", path, message, err)
			}
			if got := fmt.Sprintf("%d:%d", p.Position.Line, p.Position.Col); *update {
				text := fmt.Sprintf("# want: %s %s %s\n%s", got, path, message, rest)
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != at {
				t.Errorf("the problem is at %s, want %s", got, at)
			}
			switch refused := judge(data) != nil; {
			case refused && strings.HasPrefix(rest, cannotSay):
				t.Error("the schema refuses it too; take the mark out")
			case !refused && !strings.HasPrefix(rest, cannotSay):
				t.Error("the schema lets it pass")
			}
		})
	}
}

// node is what the corpus is loaded for.
var node = spec.Facts{Hostname: "edge-1", FileExists: func(string) bool { return true }, Everywhere: true}

func corpus(t *testing.T, kind string) []string {
	names, err := filepath.Glob("testdata/corpus/" + kind + "/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("no corpus", err)
	}
	return names
}

func read(t testing.TB, name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// find gives the problem at a path with a text in its message, or nil.
func find(t *testing.T, err error, path, message string) *spec.Problem {
	for _, p := range problems(t, err) {
		if p.Path == path && strings.Contains(p.Message, message) {
			return p
		}
	}
	return nil
}

// problems are all that an error of Load holds.
func problems(t testing.TB, err error) []*spec.Problem {
	var all *multierror.Error
	if err == nil {
		return nil
	}
	if !errors.As(err, &all) {
		t.Fatalf("the error is a %T", err)
	}
	list := make([]*spec.Problem, len(all.Errors))
	for i, e := range all.Errors {
		if !errors.As(e, &list[i]) {
			t.Fatalf("a problem is a %T: %v", e, e)
		}
	}
	return list
}

// compile makes a judge of the schema.
func compile(t testing.TB) func(data []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.JSON()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("regsync.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled := c.MustCompile("regsync.schema.json")
	return func(data []byte) error {
		text, err := yaml.YAMLToJSON(data)
		if err != nil {
			return err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(value)
	}
}
