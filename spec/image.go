package spec

// Preload is an image, or an archive of images, that is to be in the node's image store. Either Archive or Image is given.
type Preload struct {
	Archive  string            `json:"archive,omitempty"`  // file, glob, directory or https URL
	SHA256   string            `json:"sha256,omitempty"`   // of the archive: 64 hex digits; needed for a URL
	Images   []string          `json:"images,omitempty"`   // only these; all must be there
	Platform string            `json:"platform,omitempty"` // os/arch[/variant]; default: the node's
	Pin      bool              `json:"pin" default:"true"`
	As       map[string]string `json:"as,omitempty"`                                   // further names for images of the archive
	Nodes    string            `json:"nodes,omitempty" default:"self" enum:"self,all"` // all: every node of the MicroK8s cluster
	Keep     bool              `json:"keep,omitempty"`                                 // keep a fetched archive after the import

	Image   string `json:"image,omitempty"` // a reference that is kept pulled
	Refresh bool   `json:"refresh,omitempty"`

	Pos Position `json:"-"`
}

// Verify lists the test pulls of verify and of apply --verify.
type Verify struct {
	Images []string `json:"images,omitempty"`
}
