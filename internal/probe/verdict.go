package probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// verdict says in one sentence what becomes of a pull.
func verdict(r Road, ref spec.Reference) string {
	switch {
	case r.Error != "" && len(r.failures()) > 0:
		return fmt.Sprintf("a pull of %s fails: %s", r.Image, strings.Join(r.failures(), "; "))
	case r.Error != "":
		if ref.Digest != "" || !strings.Contains(r.Error, "no resolve hosts") {
			return fmt.Sprintf("every pull from %s fails: %s", ref.Domain, r.Error)
		}
		return fmt.Sprintf("every pull of a tag from %s fails: %s", ref.Domain, r.Error)
	case !r.Probed:
		return r.asks(ref)
	}
	s := "served by " + r.name(r.ServedBy)
	if r.ResolvedBy != r.ServedBy {
		s = fmt.Sprintf("resolved by %s, and served by %s, which is asked first for what is to be fetched, whatever its capabilities", r.name(r.ResolvedBy), r.name(r.ServedBy))
		if r.position(r.ServedBy) > r.position(r.ResolvedBy) {
			s = fmt.Sprintf("resolved by %s, and served by %s", r.name(r.ResolvedBy), r.name(r.ServedBy))
		}
	}
	if r.LayersBy != "" && r.LayersBy != r.ServedBy {
		s += ", its layers by " + r.name(r.LayersBy)
	}
	n := r.position(r.ServedBy)
	if before := r.failuresOf(r.Endpoints[:max(n, 0)]); len(before) > 0 {
		s += "; " + strings.Join(before, "; ")
	}
	return s
}

// asks says whom a pull would ask. Capabilities only guard the question which digest a name stands for: manifest and layers are fetched from
// every endpoint.
func (r Road) asks(ref spec.Reference) string {
	if len(r.Endpoints) == 0 {
		return "nobody is asked"
	}
	var names []string
	for _, e := range r.Endpoints {
		name := e.URL
		if e.Upstream {
			name = "the upstream, " + name
			if len(r.Endpoints) == 1 {
				name = e.URL + ", the upstream, alone"
			}
		}
		if !slices.Contains(e.Capabilities, "pull") || ref.Digest == "" && !slices.Contains(e.Capabilities, "resolve") {
			name += " (to fetch only)"
		}
		names = append(names, name)
	}
	return "a pull asks " + strings.Join(names, ", then ")
}

// name names an endpoint and its place in the order.
func (r Road) name(url string) string {
	i := r.position(url)
	if i < 0 {
		return url
	}
	kind := "mirror"
	if r.Endpoints[i].Upstream {
		kind = "the upstream"
	}
	return fmt.Sprintf("%s %s (%s endpoint)", kind, url, ordinal(i+1))
}

func (r Road) position(url string) int {
	return slices.IndexFunc(r.Endpoints, func(e Endpoint) bool { return e.URL == url })
}

// failures says why a pull that was tried came to nothing: what each endpoint lacks, and the pull's own error where that is another.
func (r Road) failures() []string {
	if !r.Probed || len(r.Endpoints) == 0 || r.Endpoints[0].Probe == nil {
		return nil
	}
	all := r.failuresOf(r.Endpoints)
	told := slices.ContainsFunc(r.Endpoints, func(e Endpoint) bool { return !e.Probe.OK && strings.Contains(r.Error, e.Probe.Error) })
	if len(all) < len(r.Endpoints) && !told || len(all) == 0 {
		all = append(all, r.Error)
	}
	for i, e := range r.Endpoints {
		if e.Probe.OK && r.ResolvedBy == "" {
			all = append(all, fmt.Sprintf("the %s, %s, has it, and may not be asked for it by its capabilities", ordinal(i+1), e.URL))
		}
	}
	return all
}

func (r Road) failuresOf(endpoints []Endpoint) []string {
	var all []string
	for i, e := range endpoints {
		if e.Probe != nil && !e.Probe.OK {
			all = append(all, fmt.Sprintf("the %s, %s, fails: %s", ordinal(i+1), e.URL, e.Probe.Error))
		}
	}
	return all
}

func ordinal(n int) string {
	switch n {
	case 1:
		return "1st"
	case 2:
		return "2nd"
	case 3:
		return "3rd"
	}
	return fmt.Sprintf("%dth", n)
}
