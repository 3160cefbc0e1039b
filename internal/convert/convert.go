package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/spec"
)

// Formats are the names of what can be converted.
var Formats = []string{"k3s", "rke2", "launch-config", "registries.conf", "docker", "kubespray"}

// source is one file of another tool's, and what is written from it.
type source struct {
	name     string // in messages
	format   string
	draft    draft.Draft
	problems []*spec.Problem
	logins   map[string]login // by host, of formats that list them apart
	others   []string         // keys that have nothing to do with registries
}

// login is a user name and a password, and where they stand.
type login struct {
	user, password string
	where          string
}

// Convert writes a file from one of another tool's. The error is a *multierror.Error of *spec.Problem.
func Convert(format, name string, data []byte) (*draft.Draft, error) {
	s := &source{name: name, format: format, logins: map[string]login{}}
	s.draft.Head = []string{fmt.Sprintf("The registries of %s (%s), written by regsync convert. Comments say where each entry stands there; what could not be taken over is commented out.", name, format)}
	switch format {
	case "k3s", "rke2":
		s.k3s(data)
	case "launch-config":
		s.launchConfig(data)
	case "registries.conf":
		s.registriesConf(data)
	case "docker":
		s.docker(data)
	case "kubespray":
		s.kubespray(data)
	default:
		return nil, fmt.Errorf("%q is no format; it must be %s", format, strings.Join(Formats, ", "))
	}
	if len(s.problems) > 0 {
		return nil, s.failed()
	}
	if s.others != nil {
		s.tail("Not about registries, and not looked at: %s.", strings.Join(s.others, ", "))
	}
	s.draft.OptOut()
	_, err := s.draft.Settle()
	return &s.draft, err
}

func (s *source) failed() error {
	slices.SortStableFunc(s.problems, func(a, b *spec.Problem) int {
		return cmp.Or(cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Col, b.Position.Col))
	})
	all := &multierror.Error{}
	for _, p := range s.problems {
		all.Errors = append(all.Errors, p)
	}
	return all
}

// report says that the file is not what it should be.
func (s *source) report(line, col int, format string, args ...any) {
	s.problems = append(s.problems, &spec.Problem{Position: spec.Position{File: s.name, Line: line, Col: col}, Message: fmt.Sprintf(format, args...)})
}

// at names a line of the file.
func (s *source) at(line int) string { return fmt.Sprintf("%s:%d", s.name, line) }

// tail adds a comment at the end.
func (s *source) tail(format string, args ...any) {
	s.draft.Tail = append(s.draft.Tail, fmt.Sprintf(format, args...))
}

// entry gives the entry of a registry, which stands on a line. A registry that stands twice is left out the second time.
func (s *source) entry(host string, line int) *draft.Entry {
	e := s.draft.Entry(host)
	e.Note("%s", s.at(line))
	if e.Registry != nil || e.Mirror != nil || len(e.Insecure) > 0 {
		e.Leave("it stands more than once")
	}
	return e
}

// write says whom a registry's images come from: endpoints, and last the registry itself.
func (s *source) write(e *draft.Entry, asks []draft.Ask) {
	implicit := e.Host == spec.AnyRegistry && asks[len(asks)-1].URL == anyone
	s.draft.Express(e, draft.Distinct(asks, e.Host), implicit)
}

// anyone is the upstream of "*".
const anyone = "https://any.invalid/v2"

// upstream is the registry itself, asked last.
func (s *source) upstream(host string) draft.Ask {
	a := draft.Ask{URL: draft.Upstream(host), Caps: draft.AllCaps}
	if host == spec.AnyRegistry {
		a.URL = anyone
	}
	s.authorize(&a, host)
	return a
}

// authorize has an endpoint shown what the file lists for its host.
func (s *source) authorize(a *draft.Ask, host string) {
	if l, ok := s.logins[host]; ok {
		a.Authorize(l.user, l.password, l.where)
	}
}

// split takes a URL apart: scheme, host with port, and path without a closing slash. Without a scheme it is standard's.
func split(url, standard string) (scheme, host, path string) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		scheme, rest = standard, url
	}
	host, path, _ = strings.Cut(rest, "/")
	return strings.ToLower(scheme), host, strings.TrimRight("/"+path, "/")
}
