package main

import (
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/probe"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// meant gives those endpoints of a road that the spec asks for: not the upstream behind the mirrors of a registry that it does not name as such.
// Where mirrors are for want of a way to the upstream, that does not answer, and nobody expects it to.
func meant(sp *spec.Spec, registry string, asks []render.Endpoint) []render.Endpoint {
	last := len(asks) - 1
	if last > 0 && asks[last].Upstream && !isNamed(sp, registry) {
		return asks[:last]
	}
	return asks
}

// isNamed reports whether the spec names a registry for its own sake.
func isNamed(sp *spec.Spec, registry string) bool {
	return slices.ContainsFunc(sp.Registries, func(r spec.Registry) bool { return r.Host == registry }) ||
		slices.ContainsFunc(sp.Insecure, func(i spec.Insecure) bool { return i.Host() == registry })
}

// whereFrom is the place in the spec that an endpoint comes from.
func whereFrom(sp *spec.Spec, a probe.Asked) spec.Position {
	for _, registry := range []string{a.Registry, spec.AnyRegistry} {
		for _, m := range sp.Mirrors {
			for _, e := range m.Endpoints {
				if a.Mirror && m.Registry == registry && strings.HasPrefix(a.URL, strings.TrimRight(e.URL, "/")) {
					return e.Pos
				}
			}
		}
	}
	for _, r := range sp.Registries {
		if r.Host == a.Registry {
			return r.Pos
		}
	}
	for _, in := range sp.Insecure {
		if in.Host() == a.Registry {
			return in.Pos
		}
	}
	return spec.Position{}
}
