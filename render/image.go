package render

// KindImage is an image in containerd's store, by its full reference.
const KindImage Kind = "image"

// Image is what an image in containerd's store should be.
type Image struct {
	// Target is what the name must point to. Its zero value, for an image that is pulled, stands for whatever the registry gives.
	Target Descriptor `json:"target,omitzero"`

	// Platform is the one whose content must be complete: os/arch[/variant].
	Platform string `json:"platform"`

	// Content is every blob that must be there: the target first, then what it leads to for the platform. Empty for an image that
	// is pulled: what is complete then follows from what was pulled.
	Content []Descriptor `json:"content,omitempty"`

	// DiffIDs are the digests of the uncompressed layers, bottom first. The snapshot that must be there is their chain.
	DiffIDs []string `json:"diffIDs,omitempty"`

	Pin bool `json:"pin,omitempty"` // kubelet's image garbage collection must leave it alone

	Archive string `json:"archive,omitempty"` // absolute path on the node of the archive that brings it, or its URL; empty: it is pulled
	SHA256  string `json:"sha256,omitempty"`  // of an archive that is fetched
	Keep    bool   `json:"keep,omitempty"`    // an archive that is fetched stays after the import
	Beside  bool   `json:"beside,omitempty"`  // Archive is a path on the machine that regsync runs on, not below the node's root
	Member  string `json:"member,omitempty"`  // its name in the archive, where that is another
	Refresh bool   `json:"refresh,omitempty"` // a pulled one follows its registry's digest
}

// Descriptor names content by its digest.
type Descriptor struct {
	MediaType string `json:"mediaType,omitempty"`
	Digest    string `json:"digest"` // sha256:HEX
	Size      int64  `json:"size"`   // bytes
}

// Bytes is how much content the image consists of.
func (i Image) Bytes() int64 {
	var n int64
	for _, d := range i.Content {
		n += d.Size
	}
	return n
}
