package archive

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// maxReferences bounds what all images refer to together, what is shared counted each time; containerd follows as many.
	maxReferences = 10_000
	// maxDepth is how deep an image may lie inside the tar: backup/images/oci-layout is 2.
	maxDepth = 2
)

// Read reads the index of an archive of size bytes. An error is a [*Problem], one of r, or that of ctx: a compressed archive takes as long as its
// decompression, about 1 GiB in a few seconds.
func Read(ctx context.Context, r io.ReaderAt, size int64) (Index, error) {
	t, err := readTree(ctx, r, size)
	if err != nil {
		return Index{}, err
	}
	l := &layout{
		tree:  t,
		index: Index{Compression: t.compression, Size: size, Blobs: map[digest.Digest]Blob{}},
		at:    map[digest.Digest]int{},
		named: map[string]digest.Digest{},
	}
	if err := l.root(); err != nil {
		return Index{}, err
	}
	if l.index.Form == OCI {
		err = l.readOCI()
	} else {
		err = l.readDocker()
	}
	if err != nil {
		return Index{}, err
	}
	return l.index, nil
}

// layout makes an index of a tree.
type layout struct {
	*tree
	index      Index
	at         map[digest.Digest]int    // in index.Images, by target
	named      map[string]digest.Digest // targets by name
	references int
}

// root finds out the form and where everything lies: at the top, or else in the one directory that has it.
func (l *layout) root() error {
	found := map[Form][]string{}
	for _, name := range l.sortedNames() {
		dir, base := path.Split(name)
		depth := strings.Count(dir, "/")
		switch {
		case base == ocispec.ImageLayoutFile && depth <= maxDepth && l.entries[dir+ocispec.ImageIndexFile] != nil:
			found[OCI] = append(found[OCI], dir)
		case base == "manifest.json" && depth < maxDepth && l.entries[dir+"version"] == nil:
			found[Docker] = append(found[Docker], dir)
		}
	}
	// containerd prefers OCI where both are; both at the top are preferred to what lies deeper.
	for _, form := range []Form{OCI, Docker} {
		if slices.Contains(found[form], "") {
			l.index.Form = form
			return nil
		}
	}
	for _, form := range []Form{OCI, Docker} {
		if len(found[form]) > 1 {
			return problem("give each a tar of its own", "the tar has several archives in it: in %q and in %q", short(found[form][0]), short(found[form][1]))
		}
		if len(found[form]) == 1 && (form == OCI || len(l.tops) < 3) {
			l.index.Form, l.index.Root = form, found[form][0]
			return nil
		}
	}
	return l.foreign()
}

// image gives the image of a target, and makes it where there is none yet.
func (l *layout) image(target ocispec.Descriptor) (m *Image, created bool) {
	if at, ok := l.at[target.Digest]; ok {
		return &l.index.Images[at], false
	}
	l.at[target.Digest] = len(l.index.Images)
	target = ocispec.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}
	l.index.Images = append(l.index.Images, Image{Target: target})
	return &l.index.Images[len(l.index.Images)-1], true
}

// count takes n references from what an archive may have.
func (l *layout) count(n int) error {
	if l.references += n; l.references > maxReferences {
		return problem("make several archives of it", "the images refer to more than %d manifests, layers and names", maxReferences)
	}
	return nil
}

// document gives the JSON file of a name that has to be there.
func (l *layout) document(name, what string) (*document, *entry, error) {
	e, err := l.find(name)
	if err != nil {
		return nil, nil, err
	}
	if e == nil {
		return nil, nil, problem(saveAgain, "%s %q is missing: the archive is not complete", what, short(name))
	}
	d, err := l.read(e)
	return d, e, err
}
