package archive

import (
	"path"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxNesting is how deep an index may lie in an index.
const maxNesting = 8

// readOCI reads an image layout.
func (l *layout) readOCI() error {
	layout, _, err := l.document(l.index.Root+ocispec.ImageLayoutFile, "the image layout's")
	if err != nil {
		return err
	}
	if layout.LayoutVersion != ocispec.ImageLayoutVersion {
		return problem(saveAgain, "oci-layout has version %q, and %s is read", short(layout.LayoutVersion), ocispec.ImageLayoutVersion)
	}
	if err := l.blobs(); err != nil {
		return err
	}
	index, _, err := l.document(l.index.Root+ocispec.ImageIndexFile, "the image layout's")
	if err != nil {
		return err
	}
	for _, d := range index.Manifests {
		if err := l.listed(d); err != nil {
			return err
		}
	}
	if len(l.index.Images) == 0 {
		return problem(saveAgain, "index.json lists no image")
	}
	return nil
}

// blobs takes note of everything in blobs/ALGORITHM/.
func (l *layout) blobs() error {
	for _, name := range l.sortedNames() {
		rest, ok := strings.CutPrefix(name, l.index.Root+"blobs/")
		if !ok {
			continue
		}
		algorithm, encoded := path.Split(rest)
		d := digest.NewDigestFromEncoded(digest.Algorithm(strings.TrimSuffix(algorithm, "/")), encoded)
		if d.Validate() != nil {
			continue
		}
		e, err := l.find(name)
		if err != nil {
			return err
		}
		l.index.Blobs[d] = e.blob()
	}
	return nil
}

// listed reads an image of index.json.
func (l *layout) listed(d ocispec.Descriptor) error {
	name, bare := annotated(d)
	if isAttestation(d) {
		return nil
	}
	image, created := l.image(d)
	if created {
		var err error
		if image.Manifests, err = l.manifests(nil, d, nil); err != nil {
			return within("image "+or(name, d.Digest.String()), err)
		}
	}
	if name == "" && len(image.Manifests) == 0 && created { // a signature, an SBOM
		l.index.Images = l.index.Images[:len(l.index.Images)-1]
		delete(l.at, d.Digest)
		return nil
	}
	if name == "" {
		return nil
	}
	if full, err := normalise(name); !bare && err == nil {
		return l.name(image, full)
	}
	if !slices.Contains(image.Bare, name) {
		image.Bare = append(image.Bare, name)
	}
	return l.count(1)
}

// manifests adds to list the manifests of images that d leads to, itself found through some indexes.
func (l *layout) manifests(list []Manifest, d ocispec.Descriptor, through []ocispec.Descriptor) ([]Manifest, error) {
	if err := l.count(1); err != nil {
		return nil, err
	}
	isManifest := d.MediaType == ocispec.MediaTypeImageManifest || d.MediaType == dockerManifest
	isIndex := d.MediaType == ocispec.MediaTypeImageIndex || d.MediaType == dockerIndex
	if isAttestation(d) || !isManifest && !isIndex {
		return list, nil
	}
	doc, err := l.blob(d)
	if err != nil {
		return nil, err
	}
	what := ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	switch {
	case doc == nil:
		return append(list, Manifest{Platform: normalised(d.Platform), Descriptor: what, Through: through, Missing: []ocispec.Descriptor{what}}), nil
	case bool(doc.FSLayers):
		return nil, problem(saveAgain, "manifest %s is of schema 1, which containerd no longer reads", d.Digest)
	case isIndex && (doc.Config != nil || doc.Layers != nil), isManifest && (doc.Manifests != nil || doc.Config == nil):
		return nil, problem(saveAgain, "%s is not what its media type %s says", d.Digest, d.MediaType)
	case isManifest:
		m, ok, err := l.manifest(what, d.Platform, doc)
		if err != nil || !ok {
			return list, err
		}
		m.Through = through
		return append(list, m), l.count(len(through))
	case len(through) == maxNesting:
		return nil, problem(saveAgain, "index %s is nested more than %d deep", d.Digest, maxNesting)
	}
	through = append(slices.Clip(through), what)
	for _, child := range doc.Manifests {
		if list, err = l.manifests(list, child, through); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// manifest reads the manifest of one platform. It is not ok if it is none of an image.
func (l *layout) manifest(d ocispec.Descriptor, platform *ocispec.Platform, doc *document) (m Manifest, ok bool, err error) {
	if t := doc.Config.MediaType; t != ocispec.MediaTypeImageConfig && t != dockerConfig {
		return Manifest{}, false, nil
	}
	if err := l.count(1 + len(doc.Layers)); err != nil {
		return Manifest{}, false, err
	}
	m = Manifest{Platform: normalised(platform), Descriptor: d, Config: *doc.Config, Layers: doc.Layers}
	config, err := l.blob(*doc.Config)
	if err != nil {
		return Manifest{}, false, err
	}
	if config == nil {
		m.Missing = append(m.Missing, m.Config)
	} else {
		m.DiffIDs = config.RootFS.DiffIDs
		if m.Platform == nil && config.Architecture != "" {
			m.Platform = normalised(&config.Platform)
		}
	}
	for _, layer := range m.Layers {
		b, ok := l.index.Blobs[layer.Digest]
		if !ok {
			if !slices.ContainsFunc(m.Missing, func(d ocispec.Descriptor) bool { return d.Digest == layer.Digest }) {
				m.Missing = append(m.Missing, layer)
			}
		} else if b.Size != layer.Size {
			return Manifest{}, false, problem(copyAgain, "layer %s has %d bytes, and its manifest %s says %d", layer.Digest, b.Size, d.Digest, layer.Size)
		}
	}
	return m, true, nil
}

// blob gives the JSON document of a descriptor. It is nil if it is not in the archive.
func (l *layout) blob(d ocispec.Descriptor) (*document, error) {
	name := l.index.Root + "blobs/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded()
	e, err := l.find(name)
	if e == nil || err != nil {
		return nil, err
	}
	if e.size != d.Size {
		return nil, problem(copyAgain, "%s has %d bytes, and what refers to it says %d", d.Digest, e.size, d.Size)
	}
	doc, err := l.read(e)
	if err != nil {
		return nil, err
	}
	if d.Digest.Algorithm() == digest.SHA256 && doc.digest != d.Digest {
		return nil, problem(copyAgain, "%q is not what its name says: it has digest %s", short(name), doc.digest)
	}
	return doc, nil
}

// isAttestation tells what BuildKit adds to an index beside its images.
func isAttestation(d ocispec.Descriptor) bool {
	p := d.Platform
	return p != nil && (p.OS == "unknown" || p.Architecture == "unknown") || d.Annotations["vnd.docker.reference.type"] == "attestation-manifest"
}

func normalised(p *ocispec.Platform) *ocispec.Platform {
	if p == nil || p.Architecture == "" {
		return nil
	}
	n := platforms.Normalize(*p)
	return &n
}

func or(a, b string) string {
	if a != "" {
		return short(a)
	}
	return b
}
