package spec

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"
	"go.yaml.in/yaml/v3"
)

// Source is one file of the user's.
type Source struct {
	Name string // as the user named it, used in positions; "-" for standard input
	Data []byte
}

// Facts are what overlays ask of the node.
type Facts struct {
	Hostname   string
	FileExists func(path string) bool // nil: no file does
	Everywhere bool                   // what is wrong in an overlay for other nodes is a problem; false: a warning

	// NodeLabels gives the labels of the Kubernetes node. It is called only where an overlay asks for them; then its error is a problem, and so
	// is nil: nobody can be asked.
	NodeLabels func() (map[string]string, error)
}

// Load reads the user's files: it parses them, joins them, merges the overlays that hold for the node, decodes strictly, adds
// the defaults, and checks everything that can be checked without a node, also of the overlays for other nodes.
//
// The warnings are sound whether there is an error or not. The error is nil or a [*multierror.Error] whose Errors are all
// [*Problem], sorted by position: all that is wrong, in one run. The Spec is nil if there is an error.
func Load(sources []Source, facts Facts) (*Spec, []*Problem, error) {
	t := &tree{origins: map[*yaml.Node]origin{}}
	var documents []document
	for _, src := range sources {
		if d, ok := t.parse(src); ok {
			documents = append(documents, d)
		}
	}
	if len(sources) == 0 {
		t.report(nil, nil, "", "no file is given")
	}
	if len(documents) == 0 {
		return nil, nil, inOrder(t.problems)
	}
	t.join(documents)
	overlaid, others := t.overlay(facts)
	s := t.decode()
	s.Overlays, s.Overlaid = nil, overlaid
	s.besideFile()
	s.Refs = s.files(t.locate)
	check(t, s)
	t.elsewhere(others, facts.Everywhere)
	if err := inOrder(t.problems); err != nil {
		return nil, sorted(t.warnings), err
	}
	return s, sorted(t.warnings), nil
}

// inOrder makes an error of problems, or nil of none.
func inOrder(problems []*Problem) error {
	all := &multierror.Error{ErrorFormat: lines}
	for _, p := range sorted(problems) {
		all.Errors = append(all.Errors, p)
	}
	return all.ErrorOrNil()
}

// lines is how several problems look as one error: each on a line of its own.
func lines(problems []error) string {
	text := make([]string, len(problems))
	for i, p := range problems {
		text[i] = p.Error()
	}
	return strings.Join(text, "\n")
}

// sorted sorts by position and drops what was found twice.
func sorted(problems []*Problem) []*Problem {
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		return cmp.Or(
			strings.Compare(a.Position.File, b.Position.File),
			cmp.Compare(a.Position.Line, b.Position.Line),
			cmp.Compare(a.Position.Col, b.Position.Col),
		)
	})
	return slices.CompactFunc(problems, func(a, b *Problem) bool {
		return a.Position == b.Position && a.Message == b.Message
	})
}
