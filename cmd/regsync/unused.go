package main

import (
	"fmt"

	"github.com/regsync/regsync/spec"
)

// credentialsUsed gives the names of the credentials that containerd is given.
func credentialsUsed(s *spec.Spec) map[string]bool {
	used := map[string]bool{}
	for _, use := range s.CredentialUses() {
		used[use.Credential] = true
	}
	return used
}

// unused warns of credentials that nobody names. That one of them says for which registries it is gives it to nobody: what a node may show to whom is said where the registry stands.
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
