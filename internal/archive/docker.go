package archive

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The media types that containerd's importer gives to what docker save wrote.
const (
	dockerManifest  = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig    = "application/vnd.docker.container.image.v1+json"
	dockerLayer     = "application/vnd.docker.image.rootfs.diff.tar"
	dockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// readDocker reads what docker save wrote. It has no manifests: containerd makes them, and so are they made here.
func (l *layout) readDocker() error {
	const what = "manifest.json of the archive"
	list, _, err := l.document(l.index.Root+"manifest.json", what)
	if err != nil {
		return err
	}
	if list.Layers != nil || list.Config != nil {
		return problem(fromDir, "%s is the manifest of one image and names none, as in a directory of skopeo's dir: transport", what)
	}
	if len(list.saved) == 0 {
		return problem(saveAgain, "%s lists no image", what)
	}
	for i, saved := range list.saved {
		if err := l.saved(saved); err != nil {
			return within("image "+label(saved, i), err)
		}
	}
	return nil
}

// label names an image in a message.
func label(saved savedImage, i int) string {
	if len(saved.RepoTags) > 0 {
		return short(saved.RepoTags[0])
	}
	return fmt.Sprintf("number %d", i+1)
}

// saved reads one image.
func (l *layout) saved(saved savedImage) error {
	name, ok := inArchive(saved.Config)
	if !ok || saved.Config == "" {
		return problem(saveAgain, "the configuration is named %q", short(saved.Config))
	}
	config, e, err := l.document(l.index.Root+name, "the configuration")
	if err != nil {
		return err
	}
	if d := nameDigest(name); d != "" && d != config.digest && d.Algorithm() == digest.SHA256 {
		return problem(copyAgain, "the configuration %q is not what its name says: it has digest %s", short(name), config.digest)
	}
	ids := config.RootFS.DiffIDs
	if len(ids) != len(saved.Layers) {
		return problem(saveAgain, "the configuration has %d layers, manifest.json has %d", len(ids), len(saved.Layers))
	}
	if err := l.count(2 + len(ids)); err != nil {
		return err
	}
	m := Manifest{
		Config:  ocispec.Descriptor{MediaType: dockerConfig, Digest: config.digest, Size: config.size},
		Layers:  make([]ocispec.Descriptor, len(ids)),
		DiffIDs: ids,
	}
	l.index.Blobs[config.digest] = e.blob()
	for i, file := range saved.Layers {
		if m.Layers[i], err = l.layer(file, ids[i]); err != nil {
			return err
		}
	}
	text, err := dockerManifestText(m)
	if err != nil {
		return err
	}
	m.Platform = normalised(&config.Platform)
	m.Descriptor = ocispec.Descriptor{MediaType: dockerManifest, Digest: digest.FromBytes(text), Size: int64(len(text))}
	l.index.Blobs[m.Descriptor.Digest] = Blob{Size: m.Descriptor.Size, Data: text}

	image, created := l.image(m.Descriptor)
	if created {
		image.Manifests = []Manifest{m}
	}
	for _, tag := range saved.RepoTags {
		name, err := normalise(tag)
		if err != nil {
			return &Problem{Message: "a tag of manifest.json is no name", Hint: saveAgain, Err: err}
		}
		if err := l.name(image, name); err != nil {
			return err
		}
	}
	return nil
}

// layer describes a layer's file. A plain one is the tar that the configuration has the digest of. The digest of a compressed one is in
// its name, where other tools than docker wrote it, and otherwise has to be computed.
func (l *layout) layer(file string, id digest.Digest) (ocispec.Descriptor, error) {
	name, ok := inArchive(file)
	if !ok || file == "" {
		return ocispec.Descriptor{}, problem(saveAgain, "a layer is named %q", short(file))
	}
	e, err := l.find(l.index.Root + name)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if e == nil {
		return ocispec.Descriptor{}, problem(saveAgain, "layer %s is missing: the archive was saved without %q", id, short(name))
	}
	packed, err := l.packed(e)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: dockerLayer, Digest: id, Size: e.size}
	if packed != Plain {
		d.MediaType = dockerLayerGzip // of zstd too: resolveLayers of containerd knows no other
		// docker's own HEX/layer.tar has no digest in its name, and a HEX that is the plain tar's is not that of the compressed one.
		if d.Digest = nameDigest(e.name); d.Digest == "" || d.Digest == id || d.Digest.Algorithm() != digest.SHA256 {
			if d.Digest, err = l.hash(e); err != nil {
				return ocispec.Descriptor{}, err
			}
			l.index.Hashed = true
		}
	}
	if old, ok := l.index.Blobs[d.Digest]; ok && old.Size != d.Size {
		return ocispec.Descriptor{}, problem(saveAgain, "layer %s is in the archive twice, with %d bytes and with %d", d.Digest, old.Size, d.Size)
	} else if !ok {
		l.index.Blobs[d.Digest] = e.blob()
	}
	return d, nil
}

// dockerManifestText gives the manifest that containerd's importer makes, byte for byte: ImportIndex in core/images/archive/importer.go of 2.2.9, and
// the same in images/archive of 1.6 and 1.7.
func dockerManifestText(m Manifest) ([]byte, error) {
	return json.Marshal(struct {
		SchemaVersion int                  `json:"schemaVersion"`
		MediaType     string               `json:"mediaType"`
		Config        ocispec.Descriptor   `json:"config"`
		Layers        []ocispec.Descriptor `json:"layers"`
	}{2, dockerManifest, m.Config, m.Layers})
}
