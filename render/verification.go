package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// Verification is what kubelet demands of a pod whose image is on the node and was not pulled by kubelet itself (KEP-2535; the fields
// imagePullCredentialsVerificationPolicy and preloadedImagesVerificationAllowlist of kubelet's config, from Kubernetes 1.33 on). Imported
// images are such.
type Verification struct {
	File    string // kubelet's config
	Policy  string // NeverVerify, NeverVerifyPreloadedImages, NeverVerifyAllowlistedImages or AlwaysVerify; empty: not said
	Allowed []string
}

// demands reports whether a pod has to show credentials for an image.
func (v Verification) demands(image spec.Reference) bool {
	switch v.Policy {
	case "AlwaysVerify":
		return true
	case "NeverVerifyAllowlistedImages":
		name := image.Domain + "/" + image.Path
		return !slices.ContainsFunc(v.Allowed, func(pattern string) bool {
			prefix, glob := strings.CutSuffix(pattern, "*")
			return name == pattern || glob && strings.HasPrefix(name, prefix)
		})
	}
	return false
}

// Unvouched warns of images that are brought to the node, whose registry has credentials, and that no pod could start from all the same:
// kubelet wants a pull secret for them, and none is asked for.
func Unvouched(s *spec.Spec, want []Resource, v Verification) []*spec.Problem {
	if v.Policy == "" {
		return nil
	}
	private, vouched := map[string]bool{}, map[string]bool{}
	for _, r := range s.Registries {
		private[r.Host] = private[r.Host] || r.Credentials != ""
	}
	for _, c := range s.Credentials {
		for _, host := range c.Registries {
			private[host] = true
		}
	}
	for i := range s.PullSecrets {
		for _, use := range s.SecretUses(i) {
			vouched[use.Servers[0]] = true
		}
	}
	var warnings []*spec.Problem
	said := map[string]bool{}
	for _, r := range want {
		if r.Image == nil || r.Node != "" {
			continue
		}
		image, err := spec.ParseReference(r.Name)
		host := image.Domain
		if err != nil || !private[host] || vouched[host] || said[host] || !v.demands(image) {
			continue
		}
		said[host] = true
		warnings = append(warnings, &spec.Problem{
			Position: r.From,
			Message: fmt.Sprintf("%s says %s, so a pod that starts from %q must show credentials for %s, though the image is here; no pull secret is for that registry",
				v.File, v.Policy, r.Name, host),
			Hint: "add an entry of pullSecrets with the credentials of " + host,
		})
	}
	return warnings
}
