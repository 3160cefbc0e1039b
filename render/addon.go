package render

import (
	"fmt"

	"github.com/regsync/regsync/spec"
)

// KindAddon is an add-on of MicroK8s, by its name. The only one is [RegistryAddon].
const KindAddon Kind = "addon"

// RegistryAddon is the name of MicroK8s' built-in registry.
const RegistryAddon = "registry"

// Addon is what MicroK8s' built-in registry should be.
type Addon struct {
	Enabled      bool   `json:"enabled"`
	Size         string `json:"size,omitempty"`         // of its volume: 40Gi; empty: what the add-on takes by itself, and any where it is there
	StorageClass string `json:"storageClass,omitempty"` // empty: the cluster's default one, and any where it is there
}

// Arguments are those of the command microk8s that makes the add-on so.
func (a Addon) Arguments() []string {
	if !a.Enabled {
		return []string{"disable", RegistryAddon}
	}
	args := []string{"enable", RegistryAddon}
	if a.Size != "" {
		args = append(args, "--size", a.Size)
	}
	if a.StorageClass != "" {
		args = append(args, "--storageclass", a.StorageClass)
	}
	return args
}

// addons gives the built-in registry, where the spec says anything of it.
func addons(s *spec.Spec, in Inputs) ([]Resource, []Held) {
	r := s.Addons.Registry
	if r == nil || in.Layout.Runtime == NoRuntime {
		return nil, nil
	}
	id := ID{Kind: KindAddon, Name: RegistryAddon}
	if in.Layout.Runtime != MicroK8s {
		if !r.Enabled {
			return nil, nil // there is none
		}
		return nil, []Held{{id, &spec.Problem{
			Position: r.Pos, Path: "addons.registry", Message: fmt.Sprintf("the built-in registry is MicroK8s', and the runtime of this node is %s", in.Layout.Runtime),
			Hint: "take the entry out of the file that is applied here",
		}}}
	}
	a := Addon{Enabled: r.Enabled, Size: r.Size, StorageClass: r.StorageClass}
	why := "enabled: true"
	if !a.Enabled {
		why = "enabled: false"
	}
	return []Resource{{ID: id, From: r.Pos, Why: why, Addon: &a}}, nil
}
