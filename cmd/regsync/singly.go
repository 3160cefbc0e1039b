package main

import (
	"errors"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// refused makes conflicts of what those who read single files would refuse, where one file shall not hold back the others. It gives
// everything else that is wrong.
func (c *command) refused(t *trip, err error) error {
	if !c.singly || err == nil {
		return err
	}
	all := (*multierror.Error)(nil)
	if !errors.As(err, &all) {
		all = multierror.Append(nil, err)
	}
	var rest *multierror.Error
	for _, e := range all.Errors {
		file := (*apply.FileError)(nil)
		if !errors.As(e, &file) {
			rest = multierror.Append(rest, e)
			continue
		}
		problem := &spec.Problem{Message: file.Error()}
		errors.As(file, &problem)
		t.plan.Conflicts = append(t.plan.Conflicts, plan.Unedited(render.ID{Kind: render.KindFile, Name: file.Name}, problem))
	}
	return rest.ErrorOrNil()
}

// unreadable gives a place without its runtime, where that has a config which is somebody's and cannot be read: which directory it reads is not known
// then, and what is in the one that it read stays as it is.
func (s *survey) unreadable(p node.Place) node.Place {
	if p.ConfigFile == "" {
		return p
	}
	config, err := s.config(p.ConfigFile)
	if err == nil {
		_, err = render.ParseConfig(config)
	}
	if err == nil {
		return p
	}
	if problem := (*spec.Problem)(nil); errors.As(located(p.ConfigFile, err), &problem) {
		err = problem
	}
	return node.Place{
		Layout:  render.Layout{Runtime: render.NoRuntime, HostsFile: p.HostsFile, DaemonJSON: p.DaemonJSON},
		Waiting: err.Error() + "; nothing of the runtime's is touched until it can be read",
	}
}
