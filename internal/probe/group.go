package probe

import "slices"

// Group is one conversation, and whom it was for.
type Group struct {
	Asked
	Registries []string
}

// Groups puts the endpoints together that were asked once, in their order.
func Groups(all []Asked) []Group {
	var groups []Group
	for _, a := range all {
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Contact == a.Contact && g.Mirror == a.Mirror })
		if i < 0 {
			groups = append(groups, Group{Asked: a, Registries: []string{a.Registry}})
			continue
		}
		groups[i].Registries = append(groups[i].Registries, a.Registry)
	}
	return groups
}

// Role is what an endpoint is: mirror, or registry.
func (a Asked) Role() string {
	if a.Mirror {
		return "mirror"
	}
	return "registry"
}
