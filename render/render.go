package render

import (
	"errors"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/spec"
)

// Render works out everything that s asks for, on the node that in describes. The resources come in the order in which they
// are to be written: certs.d, hosts file, daemon.json, containerd's config, images, pull secrets, service accounts. The error is a *multierror.Error of *spec.Problem.
func Render(s *spec.Spec, in Inputs) (Desired, error) {
	var d Desired
	errs := &multierror.Error{ErrorFormat: lines}

	roads, warnings, problems := Roads(s, in)
	d.Warnings = append(d.Warnings, warnings...)
	errs = refuse(errs, problems)

	runtime := in.Layout.Runtime != NoRuntime && len(roads) > 0
	if runtime && UsesCertsD(in) {
		resources, held, warnings, problems := certsD(roads, in)
		d.Resources, d.Held = resources, held
		d.Warnings = append(d.Warnings, warnings...)
		errs = refuse(errs, problems)
	}
	if r, warnings, ok := etcHostsResource(s, in); ok {
		errs = d.shared(r, in.HostsFile, in.Singly, errs)
		d.Warnings = append(d.Warnings, warnings...)
	}
	if r, warnings, ok := dockerResource(s, in); ok {
		errs = d.shared(r, in.DaemonJSON, in.Singly, errs)
		d.Warnings = append(d.Warnings, warnings...)
	}
	if runtime {
		r, warnings, ok, err := configResource(s, in, roads)
		d.Warnings = append(d.Warnings, warnings...)
		if held := (*spec.Problem)(nil); in.Singly && errors.As(err, &held) {
			d.Held = append(d.Held, Held{ID{Kind: KindFile, Name: in.Layout.ConfigFile}, held})
		} else if err != nil {
			errs = multierror.Append(errs, err)
		} else if problem := stillInline(roads, in); ok && problem != nil {
			d.Held = append(d.Held, Held{r.ID, problem})
		} else if ok {
			d.Resources = append(d.Resources, r)
		}
	}
	resources, held := images(s, in)
	d.Resources, d.Held = append(d.Resources, resources...), append(d.Held, held...)
	resources, held = pullSecrets(s, in)
	d.Resources, d.Held = append(d.Resources, resources...), append(d.Held, held...)
	resources, held = addons(s, in)
	d.Resources, d.Held = append(d.Resources, resources...), append(d.Held, held...)
	if err := errs.ErrorOrNil(); err != nil {
		return Desired{Warnings: d.Warnings}, err
	}
	return d, nil
}

// shared adds a file of which only a part is ours, if it can be edited as it is without us.
func (d *Desired) shared(r Resource, base []byte, singly bool, errs *multierror.Error) *multierror.Error {
	_, err := r.Propose(base)
	if held := (*spec.Problem)(nil); singly && errors.As(err, &held) {
		d.Held = append(d.Held, Held{r.ID, held})
		return errs
	}
	if err != nil {
		errs = multierror.Append(errs, err)
	}
	d.Resources = append(d.Resources, r)
	return errs
}

func refuse(errs *multierror.Error, problems []*spec.Problem) *multierror.Error {
	for _, p := range problems {
		errs = multierror.Append(errs, p)
	}
	return errs
}

// lines gives one error a line.
func lines(errs []error) string {
	all := make([]string, len(errs))
	for i, err := range errs {
		all[i] = err.Error()
	}
	return strings.Join(all, "\n")
}
