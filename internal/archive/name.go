package archive

import (
	"fmt"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/regsync/regsync/spec"
)

// imageName is containerd's annotation for the whole name of an image.
const imageName = "io.containerd.image.name"

// annotated gives the name that an entry of an index.json has: of containerd's annotation, else of OCI's. By OCI's a name without any of "/:@" is
// a tag and no name (refTranslator in core/images/archive/reference.go of containerd 2.2.9).
func annotated(d ocispec.Descriptor) (name string, bare bool) {
	if name = d.Annotations[imageName]; name != "" {
		return name, false
	}
	name = d.Annotations[ocispec.AnnotationRefName]
	return name, !strings.ContainsAny(name, "/:@")
}

// normalise gives the name that containerd's importer and its CRI know an image by: nginx is docker.io/library/nginx:latest.
func normalise(name string) (string, error) {
	named, err := spec.ParseReference(name)
	if err != nil {
		return "", fmt.Errorf("image name %q: %w", short(name), err)
	}
	return named.String(), nil
}

// Image gives the image of a name, which is normalised first. The error is a [*Problem].
func (i Index) Image(name string) (Image, error) {
	full, err := normalise(name)
	if err != nil {
		return Image{}, &Problem{Message: "looking for an image", Err: err}
	}
	var there []string
	for _, m := range i.Images {
		if slices.Contains(m.Names, full) {
			return m, nil
		}
		there = append(there, strings.TrimPrefix(m.label(), "image "))
	}
	if n := len(there) - 8; n > 0 {
		there = append(there[:8], fmt.Sprintf("%d more", n))
	}
	return Image{}, problem("docker save and skopeo copy store images under the names that they are given", "image %s is not in the archive, but %s", full, strings.Join(there, ", "))
}

// name gives an image one more name. Two images cannot have the same.
func (l *layout) name(m *Image, name string) error {
	if err := l.count(1); err != nil {
		return err
	}
	if old, ok := l.named[name]; ok && old != m.Target.Digest {
		return problem("save them under different names, or into two archives", "two images of the archive are called %q: %s and %s", name, old, m.Target.Digest)
	}
	l.named[name] = m.Target.Digest
	if !slices.Contains(m.Names, name) {
		m.Names = append(m.Names, name)
	}
	return nil
}
