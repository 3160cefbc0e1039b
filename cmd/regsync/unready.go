package main

import (
	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/spec"
)

// unready names the sections of the spec that this build reads but cannot carry out. Doing the rest in silence would leave
// a node that is not what the file says.
func unready(s *spec.Spec) error {
	var errs *multierror.Error
	refuse := func(at spec.Position, path string) {
		errs = multierror.Append(errs, &spec.Problem{
			Position: at, Path: path,
			Message: "this version of regsync checks this section but cannot apply it yet",
			Hint:    "take it out of the file that is applied here, or use a newer regsync",
		})
	}
	for _, x := range s.Credentials {
		refuse(x.Pos, "credentials")
	}
	for _, x := range s.PullSecrets {
		refuse(x.Pos, "pullSecrets")
	}
	if s.Addons.Registry != nil {
		refuse(s.Addons.Registry.Pos, "addons.registry")
	}
	if s.Policy.RequireProbe {
		refuse(spec.Position{}, "policy.requireProbe")
	}
	if s.Policy.Effects.Restart == "window" {
		refuse(spec.Position{}, "policy.effects.restart")
	}
	return errs.ErrorOrNil()
}

// unused warns of a section that this build reads and that no command of it looks at yet.
func unused(s *spec.Spec) []*spec.Problem {
	if len(s.Verify.Images) == 0 {
		return nil
	}
	return []*spec.Problem{{Path: "verify.images", Message: "this version of regsync has no test pulls yet: the section is without effect"}}
}
