package main

import (
	"fmt"
	"path"
	"regexp"
	"sync"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// absolute finds the files that a hosts.toml of ours names by absolute paths: no other value in it begins so.
var absolute = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(/[^"]*)"`) })

// judgeBack lets containerd's loaders read every hosts.toml that comes back. It was judged when it was written first, but a certificate
// that it names may be gone since, and then every pull would fail.
func judgeBack(s *survey, t *trip, want []render.Resource, majors []int) error {
	bodies := wholeFiles(want)
	var errs *multierror.Error
	for _, change := range t.plan.Changes {
		if path.Base(change.Name) != render.HostsTOML || change.After == nil || change.Removal || change.Action == plan.Forget {
			continue
		}
		dir := path.Dir(change.Name)
		files := bodies[dir]
		if err := s.beside(dir, files); err != nil {
			return err
		}
		var named render.Endpoint
		for _, m := range absolute().FindAllSubmatch(change.After, -1) {
			named.CAFiles = append(named.CAFiles, string(m[1]))
		}
		fault, err := s.atRoot(files, []render.Endpoint{named})
		if err != nil {
			return err
		}
		if fault != "" {
			fault = fmt.Sprintf("%q is not there", fault)
		}
		for _, major := range majors {
			if fault != "" {
				break
			}
			if result, err := loader.Judge(major, files, loader.Host(path.Base(dir))); err != nil {
				fault = err.Error()
			} else if !result.Sound() {
				fault = fmt.Sprintf("containerd %d.x would not take the file", major)
			}
		}
		if fault != "" {
			errs = multierror.Append(errs, &spec.Problem{
				Position: spec.Position{File: change.Name},
				Message:  fmt.Sprintf("as in generation %d, every pull of %s would fail: %s", t.rollback, loader.Host(path.Base(dir)), fault),
				Hint:     "put back what the file names, or go back to another generation",
			})
		}
	}
	return errs.ErrorOrNil()
}

// wholeFiles gives the contents of files that are wanted whole, by directory and name.
func wholeFiles(want []render.Resource) map[string]map[string][]byte {
	bodies := map[string]map[string][]byte{}
	for _, r := range want {
		if r.Kind != render.KindFile || r.Scope != render.Whole {
			continue
		}
		dir := path.Dir(r.Name)
		if bodies[dir] == nil {
			bodies[dir] = map[string][]byte{}
		}
		bodies[dir][path.Base(r.Name)] = r.Body
	}
	return bodies
}
