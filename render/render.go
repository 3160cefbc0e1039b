package render

import "github.com/regsync/regsync/spec"

// Render works out every file that s asks for, on the node that in describes. The resources come in the order in which they
// are to be written: certs.d, hosts file, daemon.json, containerd's config. The error is a *multierror.Error of *spec.Problem.
func Render(s *spec.Spec, in Inputs) (Desired, error) {
	var d Desired
	return d, nil
}
