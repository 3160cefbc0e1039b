package archive

import (
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Form is how an archive is laid out.
type Form string

// The forms that are read.
const (
	Docker Form = "docker" // manifest.json, as docker save writes it
	OCI    Form = "oci"    // an image layout; docker save of 25.0 and later writes both
)

// Compression is what was done to the tar as a whole.
type Compression string

// The compressions that are read.
const (
	Plain Compression = "none"
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// Index is what one archive promises. It holds no reference to the file that it was read from and may be kept as JSON.
type Index struct {
	Form        Form                   `json:"form"`
	Compression Compression            `json:"compression"`
	Root        string                 `json:"root,omitempty"`   // the directory inside the tar that holds everything: "" or "images/"
	Size        int64                  `json:"size"`             // bytes of the file
	Hashed      bool                   `json:"hashed,omitempty"` // layers were read for their digests, which takes as long as the file is big
	Images      []Image                `json:"images"`           // in the order of the archive, each target once
	Blobs       map[digest.Digest]Blob `json:"blobs"`            // what is there; of a docker-save archive with the manifests that it lacks

	// Unverified leaves it to whoever takes the bytes of a blob to compare them with its digest: containerd does.
	Unverified bool `json:"-"`
}

// Image is one image, of one platform or of several.
type Image struct {
	Names []string `json:"names,omitempty"` // normalised: docker.io/library/nginx:1
	// Bare are the names that are no reference, such as the ref.name "1" of an OCI layout. containerd's client makes an image of
	// this very name, ctr one called import-DATE:1; nobody finds either.
	Bare []string `json:"bare,omitempty"`
	// Target has media type, digest and size of what the image's record points to after containerd's own import into an empty
	// store: a manifest or an index. (Where the store has a compressed form of a layer already, that import writes a
	// docker-save image with the compressed layer, thus under another digest.)
	Target    ocispec.Descriptor `json:"target"`
	Manifests []Manifest         `json:"manifests"` // those of images; attestations and artifacts are left out
}

// Manifest is an image for one platform.
type Manifest struct {
	Platform   *ocispec.Platform    `json:"platform,omitempty"` // nil: neither the index nor the configuration names one
	Descriptor ocispec.Descriptor   `json:"descriptor"`
	Config     ocispec.Descriptor   `json:"config"`
	Layers     []ocispec.Descriptor `json:"layers"`
	DiffIDs    []digest.Digest      `json:"diffIDs"`           // digests of the layers' uncompressed tars
	Through    []ocispec.Descriptor `json:"through,omitempty"` // the indexes that lead here, the image's target first; none where that is the manifest
	Missing    []ocispec.Descriptor `json:"missing,omitempty"` // what of all this is not in the archive
}

// Blobs gives all that a store needs of this manifest and of the indexes that lead to it, each digest once, whatever refers to another after it:
// layers, configuration, manifest, indexes.
func (m Manifest) Blobs() []ocispec.Descriptor {
	var all []ocispec.Descriptor
	seen := map[digest.Digest]bool{}
	add := func(d ocispec.Descriptor) {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			all = append(all, d)
		}
	}
	for _, d := range m.Layers {
		add(d)
	}
	add(m.Config)
	add(m.Descriptor)
	for _, d := range slices.Backward(m.Through) {
		add(d)
	}
	return all
}

// Bytes is how much [Manifest.Blobs] are together.
func (m Manifest) Bytes() (n int64) {
	for _, d := range m.Blobs() {
		n += d.Size
	}
	return n
}

// Blob says where the bytes of a digest are.
type Blob struct {
	Size int64 `json:"size"`
	// Offset is that of the first byte in the tar, before its compression. Of a sparse blob it is that of its tar header.
	Offset int64  `json:"offset"`
	Sparse bool   `json:"sparse,omitempty"` // the tar leaves out its holes: a section of the file is not the blob
	Data   []byte `json:"data,omitempty"`   // the bytes themselves, of a manifest that is not in the archive
}
