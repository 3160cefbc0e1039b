package main

import (
	"fmt"

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
	if s.Policy.Effects.Restart == "window" {
		refuse(spec.Position{}, "policy.effects.restart")
	}
	return errs.ErrorOrNil()
}

// credentialsUsed gives the names of the credentials that containerd is given.
func credentialsUsed(s *spec.Spec) map[string]bool {
	used := map[string]bool{}
	for _, use := range s.CredentialUses() {
		used[use.Credential] = true
	}
	return used
}

// unused warns of what this build reads and that no command of it looks at: credentials that nobody names. That one of them says for which registries it is gives it to nobody: what a node may show to whom is said where the registry stands.
func unused(s *spec.Spec) []*spec.Problem {
	var list []*spec.Problem
	used := credentialsUsed(s)
	for _, x := range s.PullSecrets {
		for _, name := range x.Credentials {
			used[name] = true
		}
	}
	for i, x := range s.Credentials {
		if !used[x.Name] {
			list = append(list, &spec.Problem{
				Position: x.Pos, Path: fmt.Sprintf("credentials[%d]", i),
				Message: "is without effect: no registry, no endpoint and no pull secret names it", Hint: "write credentials: " + x.Name + " where the registry stands",
			})
		}
	}
	return list
}
