package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/opencontainers/go-digest"
)

// find gives the file of a name, through links. There may be none: nil.
func (t *tree) find(name string) (*entry, error) {
	at := name
	for range maxLinks {
		e := t.entries[at]
		switch {
		case e == nil && at != name:
			return nil, problem(saveAgain, "%q is a link to %q, which is missing", short(name), short(at))
		case e == nil:
			return nil, nil
		case e.twice:
			return nil, problem(saveAgain, "%q is in the archive more than once, and not the same", short(at))
		case e.outer:
			return nil, problem(saveAgain, "%q is a link that leaves the archive", short(at))
		case e.link == "":
			return e, nil
		}
		at = e.link
	}
	return nil, problem(saveAgain, "%q is a link that leads nowhere: a loop, or more than %d links in a row", short(name), maxLinks)
}

// read gives the JSON file of an entry.
func (t *tree) read(e *entry) (*document, error) {
	if e.size > maxDocument {
		return nil, problem(saveAgain, "%q has %d bytes, and no manifest or configuration has more than %d", short(e.name), e.size, maxDocument)
	}
	if e.document == nil && t.compression == Plain {
		data := make([]byte, e.size)
		if err := t.fill(e, data); err != nil {
			return nil, err
		}
		e.document = parseDocument(data)
	}
	if e.document == nil {
		return nil, problem(saveAgain, "%q is neither a manifest nor a configuration", short(e.name))
	}
	if err := e.document.err; err != nil {
		return nil, &Problem{Message: fmt.Sprintf("reading %q of the archive", short(e.name)), Hint: saveAgain, Err: err}
	}
	return e.document, nil
}

// packed tells how the content of a file is compressed.
func (t *tree) packed(e *entry) (Compression, error) {
	if t.compression == Plain && e.head == nil {
		e.head = make([]byte, min(e.size, 16))
		if err := t.fill(e, e.head); err != nil {
			return "", err
		}
	}
	return detect(e.head), nil
}

// hash gives the digest of a file's content.
func (t *tree) hash(e *entry) (digest.Digest, error) {
	if e.digest == "" && t.compression == Plain {
		r, err := content(t.file, t.size, e.blob())
		if err != nil {
			return "", err
		}
		hash := digest.Canonical.Digester()
		if _, err := io.Copy(hash.Hash(), &patient{t.ctx, r}); err != nil {
			return "", fmt.Errorf("reading %q of the archive: %w", short(e.name), err)
		}
		e.digest = hash.Digest()
	}
	if e.digest == "" {
		return "", problem(saveAgain, "the digest of %q is unknown", short(e.name))
	}
	return e.digest, nil
}

// fill reads the beginning of a file of a plain archive.
func (t *tree) fill(e *entry, data []byte) error {
	r, err := content(t.file, t.size, e.blob())
	if err == nil {
		_, err = io.ReadFull(r, data)
	}
	if err != nil {
		return fmt.Errorf("reading %q of the archive: %w", short(e.name), err)
	}
	return nil
}

// blob says where the content of a file is.
func (e *entry) blob() Blob {
	if e.sparse {
		return Blob{Size: e.size, Offset: e.header, Sparse: true}
	}
	return Blob{Size: e.size, Offset: e.offset}
}

// content gives the bytes of a blob from the tar that it is in.
func content(r io.ReaderAt, size int64, b Blob) (io.Reader, error) {
	if b.Offset < 0 || b.Size < 0 || b.Offset > size || !b.Sparse && b.Size > size-b.Offset {
		return nil, io.ErrUnexpectedEOF
	}
	if b.Sparse {
		tr := tar.NewReader(io.NewSectionReader(r, b.Offset, size-b.Offset))
		if _, err := tr.Next(); err != nil {
			return nil, err
		}
		return tr, nil
	}
	return io.NewSectionReader(r, b.Offset, b.Size), nil
}

// rootDirectories are the top of a root file system.
var rootDirectories = map[string]bool{
	"bin": true, "boot": true, "dev": true, "etc": true, "home": true, "lib": true, "lib64": true, "mnt": true, "opt": true, "proc": true,
	"root": true, "run": true, "sbin": true, "srv": true, "sys": true, "tmp": true, "usr": true, "var": true, ".dockerenv": true,
}

// exported says that an archive is a root file system, if it is; otherwise gives what is to be said if it is not.
func (t *tree) exported(otherwise error) error {
	if len(t.tops) < 3 {
		return otherwise
	}
	return problem("an image is saved, not a container exported: docker commit CONTAINER IMAGE:TAG, docker save -o FILE.tar IMAGE:TAG",
		"the tar holds a root file system, as docker export writes it, and no image")
}

// foreign says what an archive is that is not one of images.
func (t *tree) foreign() error {
	names := func(name string) bool { return t.entries[name] != nil }
	switch {
	case t.isDir():
		return problem(fromDir, "the tar holds a directory of skopeo's dir: transport, which names no image")
	case names("repositories"):
		return problem(saveAgain, "the tar has no manifest.json: it was saved by a Docker before 1.10")
	case names("index.json"):
		return problem(`add it: printf '{"imageLayoutVersion":"1.0.0"}' >oci-layout; tar -rf FILE.tar oci-layout`, "the tar has an index.json, but no oci-layout")
	case names("oci-layout"):
		return problem(saveAgain, "the tar has an oci-layout, but no index.json: it is not complete")
	case !t.ended:
		return problem(copyAgain, "the tar has no end marker and no manifest.json or oci-layout: it is truncated")
	case t.nested != "":
		return problem("unpack it, and give the tars that are in it", "the tar holds no image, but other archives: %q", short(t.nested))
	case len(t.entries) == 0:
		return problem(saveAgain, "the tar is empty")
	}
	return t.exported(problem(saveAgain, "the tar holds no image: neither manifest.json, as docker save writes it, nor oci-layout is in it"))
}

// isDir tells whether skopeo's dir: transport has written a directory of the tar.
func (t *tree) isDir() bool {
	for name := range t.entries {
		if dir, base := path.Split(name); base == "version" && t.entries[dir+"manifest.json"] != nil {
			return true
		}
	}
	return false
}

// sortedNames gives the names of all entries.
func (t *tree) sortedNames() []string {
	names := make([]string, 0, len(t.entries))
	for name := range t.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
