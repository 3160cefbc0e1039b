package archive

import (
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
)

// entry is a file of the tar, or a link to one.
type entry struct {
	name   string
	link   string // the name that a link leads to; empty: a file
	outer  bool   // the link leads out of the archive
	twice  bool   // there is another entry of this name, that may say something else
	header int64  // offset of the tar header
	offset int64  // offset of the content
	size   int64
	sparse bool

	// What was seen of the content while the stream went by; of a plain file it is read when somebody asks.
	head     []byte
	document *document
	digest   digest.Digest
}

// inArchive gives the name in a form to compare, without ./ and the like. It is not ok if the name leaves the archive.
func inArchive(name string) (clean string, ok bool) {
	if strings.HasPrefix(name, "/") {
		return "", false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", false
		}
	}
	return path.Clean(name), true
}

// linkTarget gives the name that a symbolic link at name leads to.
func linkTarget(name, to string) (target string, ok bool) {
	if strings.HasPrefix(to, "/") {
		return "", false
	}
	target = path.Join(path.Dir(name), to)
	return target, target != ".." && !strings.HasPrefix(target, "../")
}

// nameDigest gives the digest that a file's name promises: of HEX.json, sha256:HEX, HEX.tar.gz, blobs/sha256/HEX. The HEX of HEX/layer.tar is
// not one. Empty: it promises none.
func nameDigest(name string) digest.Digest {
	dir, base := path.Split(name)
	base = strings.TrimPrefix(base, "sha256:")
	base, _, _ = strings.Cut(base, ".")
	d := digest.NewDigestFromEncoded(digest.SHA256, base)
	if strings.HasSuffix(dir, "blobs/sha512/") {
		d = digest.NewDigestFromEncoded(digest.SHA512, base)
	}
	if d.Validate() != nil {
		return ""
	}
	return d
}
