package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	_ "crypto/sha256" // both for go-digest
	_ "crypto/sha512"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	maxDocument = 4 << 20 // bytes of a JSON file; registries take manifests of 4 MiB
	maxList     = 10_000  // elements of a list in one; containerd follows no more (maxReferences in core/images/handlers.go of 2.2.9)
)

// document is what a JSON file of an archive says, whichever of them it is: oci-layout, an index, a manifest, a configuration, or the
// manifest.json of docker save. Only what is needed of it is kept.
type document struct {
	digest digest.Digest
	size   int64
	err    error // why it is none of these; all below is empty then
	saved  []savedImage
	body
}

type body struct {
	LayoutVersion string                   `json:"imageLayoutVersion"`
	MediaType     string                   `json:"mediaType"`
	Config        *ocispec.Descriptor      `json:"config"` // a configuration has one too, of another shape
	Layers        list[ocispec.Descriptor] `json:"layers"`
	Manifests     list[ocispec.Descriptor] `json:"manifests"`
	FSLayers      present                  `json:"fsLayers"`
	RootFS        struct {
		DiffIDs list[digest.Digest] `json:"diff_ids"`
	} `json:"rootfs"`
	ocispec.Platform
}

// savedImage is an element of docker save's manifest.json.
type savedImage struct {
	Config   string
	RepoTags list[string]
	Layers   list[string]
}

func looksLikeJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// parseDocument reads a JSON file. It keeps no part of data.
func parseDocument(data []byte) *document {
	d := &document{digest: digest.FromBytes(data), size: int64(len(data))}
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) {
		d.err = json.Unmarshal(data, (*list[savedImage])(&d.saved))
	} else {
		d.err = json.Unmarshal(data, &d.body)
	}
	if d.err == nil {
		d.err = d.check()
	}
	if d.err != nil {
		d.saved, d.body = nil, body{}
	}
	return d
}

// check refuses digests and sizes that are none, and drops what is not needed.
func (d *document) check() error {
	if c := d.Config; c != nil {
		if c.Digest == "" { // the config of a configuration
			d.Config = nil
		} else if err := checkDescriptor(c); err != nil {
			return fmt.Errorf("config: %w", err)
		} else {
			c.Annotations = nil
		}
	}
	for i := range d.Layers {
		if err := checkDescriptor(&d.Layers[i]); err != nil {
			return fmt.Errorf("layers[%d]: %w", i, err)
		}
		d.Layers[i].Annotations = nil
	}
	for i := range d.Manifests {
		if err := checkDescriptor(&d.Manifests[i]); err != nil {
			return fmt.Errorf("manifests[%d]: %w", i, err)
		}
	}
	for i, id := range d.RootFS.DiffIDs {
		if err := id.Validate(); err != nil {
			return fmt.Errorf("rootfs.diff_ids[%d]: %q: %w", i, short(id.String()), err)
		}
	}
	return nil
}

func checkDescriptor(d *ocispec.Descriptor) error {
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("digest %q: %w", short(d.Digest.String()), err)
	}
	if d.Size < 0 {
		return fmt.Errorf("size %d", d.Size)
	}
	d.Data, d.URLs = nil, nil
	return nil
}

// matters tells whether anybody may ask for the document.
func (d *document) matters() bool {
	return d.err != nil || d.saved != nil || d.LayoutVersion != "" || d.Config != nil || d.Layers != nil || d.Manifests != nil ||
		bool(d.FSLayers) || d.RootFS.DiffIDs != nil || d.OS != "" || d.Architecture != ""
}

// present is whether a key is there.
type present bool

func (p *present) UnmarshalJSON([]byte) error {
	*p = true
	return nil
}

var errList = errors.New("a list of more than 10000")

// list is a JSON list that cannot ask for much more memory than its text has.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil {
		return err
	} else if first != json.Delim('[') {
		return errors.New("no list")
	}
	*l = list[T]{}
	for d.More() {
		if len(*l) == maxList {
			return errList
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return err
		}
		*l = append(*l, v)
	}
	return nil
}
