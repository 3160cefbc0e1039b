package spec

// Preload is an image, or an archive of images, that is to be in the node's image store. Give archive or image.
type Preload struct {
	// File, glob, directory or https URL of archives made by docker save or in OCI layout, also gzip or zstd.
	Archive string `json:"archive,omitempty"`
	// SHA-256 of the archive: 64 hex digits. Needed for a URL.
	SHA256 string `json:"sha256,omitempty"`
	// Only these images of the archive. All must be there.
	Images []string `json:"images,omitempty"`
	// Platform as os/arch or os/arch/variant. Without it: the node's.
	Platform string `json:"platform,omitempty"`
	// Whether kubelet's image garbage collection leaves it alone.
	Pin bool `json:"pin" default:"true"`
	// Further names for images of the archive.
	As map[string]string `json:"as,omitempty"`
	// self: this node; all: every node of the MicroK8s cluster.
	Nodes string `json:"nodes,omitempty" default:"self" enum:"self,all"`
	// Whether a fetched archive is kept after the import.
	Keep bool `json:"keep,omitempty"`

	// Reference of an image that is kept pulled.
	Image string `json:"image,omitempty"`
	// Whether the image follows when the registry's digest moves.
	Refresh bool `json:"refresh,omitempty"`

	Pos Position `json:"-"`
}

// Verify lists the test pulls of verify and of apply --verify.
type Verify struct {
	// Images that are pulled for a test.
	Images []string `json:"images,omitempty"`
}
