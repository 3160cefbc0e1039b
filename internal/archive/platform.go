package archive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ForPlatform gives the manifest that a containerd of this platform takes, as platforms.Only chooses it: arm64 also runs arm, arm/v7 also
// arm/v6, amd64 also 386. What other platforms lack is of no matter. The error is a [*Problem]: none matches, or it is not complete.
func (m Image) ForPlatform(p ocispec.Platform) (Manifest, error) {
	wanted := platforms.FormatAll(platforms.Normalize(p))
	if len(m.Manifests) == 0 {
		return Manifest{}, problem(saveAgain, "%s is no container image, but %s", m.label(), or(m.Target.MediaType, "something else"))
	}
	only := platforms.Only(p)
	var fits []Manifest
	for _, c := range m.Manifests {
		// What is not there and names no platform may be the one.
		if c.Platform != nil && only.Match(*c.Platform) || c.Platform == nil && len(c.Missing) > 0 {
			fits = append(fits, c)
		}
	}
	if len(fits) == 0 {
		return Manifest{}, problem(
			fmt.Sprintf("save it for this platform: docker pull --platform %[1]s and docker save, or skopeo copy --all; or set platform, if this node can run it", wanted),
			"%s is for %s, not for %s", m.label(), m.platforms(), wanted)
	}
	slices.SortStableFunc(fits, func(a, b Manifest) int {
		switch {
		case a.Platform == nil || b.Platform == nil:
			return 0
		case only.Less(*a.Platform, *b.Platform):
			return -1
		case only.Less(*b.Platform, *a.Platform):
			return 1
		}
		return 0
	})
	chosen := fits[0]
	switch {
	case len(chosen.Missing) > 0:
		return Manifest{}, m.incomplete(chosen, wanted)
	case len(chosen.DiffIDs) != len(chosen.Layers):
		return Manifest{}, problem(saveAgain, "%s: the manifest for %s has %d layers, and its configuration %d", m.label(), wanted, len(chosen.Layers), len(chosen.DiffIDs))
	}
	return chosen, nil
}

// incomplete says what of a manifest is not in the archive.
func (m Image) incomplete(chosen Manifest, wanted string) error {
	missing := chosen.Missing[0]
	what := "layer"
	switch missing.Digest {
	case chosen.Descriptor.Digest:
		what = "manifest"
	case chosen.Config.Digest:
		what = "configuration"
	}
	more := ""
	if n := len(chosen.Missing) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return problem(
		fmt.Sprintf("make it again where the image is complete: docker pull --platform %[1]s IMAGE, docker save --platform %[1]s, or skopeo copy --all", wanted),
		"%s for %s: %s %s%s is missing: the archive was saved without it", m.label(), wanted, what, missing.Digest, more)
}

// label names the image in a message.
func (m Image) label() string {
	switch {
	case len(m.Names) > 0:
		return "image " + m.Names[0]
	case len(m.Bare) > 0:
		return fmt.Sprintf("image %q", short(m.Bare[0]))
	}
	return "image " + m.Target.Digest.String()
}

// platforms lists those that there are, without those that lack everything.
func (m Image) platforms() string {
	var there []string
	for _, c := range m.Manifests {
		p := "an unnamed platform"
		if c.Platform != nil {
			p = platforms.FormatAll(*c.Platform)
		}
		if !slices.Contains(there, p) {
			there = append(there, p)
		}
	}
	if len(there) > 8 {
		there = append(there[:8], "others")
	}
	return strings.Join(there, ", ")
}
