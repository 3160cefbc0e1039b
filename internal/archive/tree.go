package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
)

const (
	block = 512 // of a tar

	maxName      = 4096     // bytes of one name
	maxNames     = 4 << 20  // bytes of all names that are kept
	maxEntries   = 20_000   // files and links that are kept
	maxHeaders   = 200_000  // directories and all else included
	maxDocuments = 16 << 20 // bytes of the JSON files that are kept of a compressed archive
	maxLinks     = 40       // in a row
)

// tree is what lies in the tar. It is bounded: an archive that needs more is refused.
type tree struct {
	ctx         context.Context
	file        io.ReaderAt
	size        int64
	compression Compression

	entries   map[string]*entry
	names     int // bytes
	documents int64
	ended     bool            // the tar has its end marker
	tops      map[string]bool // those of rootDirectories that are there
	nested    string          // the name of a tar at the top
}

// readTree walks over the tar once.
func readTree(ctx context.Context, r io.ReaderAt, size int64) (*tree, error) {
	t := &tree{ctx: ctx, file: &window{r: r, size: size}, size: size, entries: map[string]*entry{}, tops: map[string]bool{}}
	head := make([]byte, min(block, size))
	if n, err := t.file.ReadAt(head, 0); n < len(head) {
		return nil, fmt.Errorf("reading the first block: %w", err)
	}
	if size == 0 {
		return nil, problem(copyAgain, "the file is empty")
	}
	t.compression = detect(head)
	if t.compression == Plain {
		r = t.file
	}
	at, err := newCursor(ctx, r, size, t.compression)
	if err != nil {
		return nil, err
	}
	defer at.close()
	if t.compression != Plain {
		at.keep = make([]byte, 0, block)
	}
	tr := tar.NewReader(at)
	for n := 0; ; n++ {
		at.mark()
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			t.ended = at.first >= 0 && at.first < at.offset
			return t, t.drain(at)
		}
		if err == nil && n == maxHeaders {
			err = t.exported(problem(saveAgain, "the tar has more than %d entries: it is no image archive", maxHeaders))
		}
		if err == nil {
			err = t.add(at, tr, h)
		}
		if err != nil {
			if at.keep != nil {
				head = at.keep
			}
			return nil, t.explain(at, head, err)
		}
	}
}

// add takes note of an entry.
func (t *tree) add(at *cursor, tr *tar.Reader, h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, ok := inArchive(h.Name)
	if !ok {
		return problem(saveAgain, "the tar has an entry %q at offset %d: a name that leaves the archive", short(h.Name), at.first)
	}
	if len(name) > maxName || len(h.Linkname) > maxName {
		return problem(saveAgain, "the tar has an entry %q with a name of more than %d bytes at offset %d", short(name), maxName, at.first)
	}
	top, _, _ := strings.Cut(name, "/")
	if rootDirectories[top] {
		t.tops[top] = true
	}
	e := &entry{name: name, header: at.first, offset: at.offset, size: h.Size, sparse: isSparse(h)}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		if e.size > maxTar {
			return problem(copyAgain, "the tar has an entry %q of %d bytes at offset %d", short(name), e.size, at.first)
		}
		if top == name && t.nested == "" && nameDigest(name) == "" && (strings.HasSuffix(name, ".tar") || strings.Contains(name, ".tar.") || strings.HasSuffix(name, ".tgz")) {
			t.nested = name
		}
	case tar.TypeSymlink:
		e.link, ok = linkTarget(name, h.Linkname)
		e.outer = !ok
	case tar.TypeLink:
		e.link, ok = inArchive(h.Linkname)
		e.outer = !ok
	default:
		return nil
	}
	if old := t.entries[name]; old != nil {
		same := old.size == e.size && old.link == e.link && !old.outer && !e.outer
		if !same || e.link == "" && nameDigest(name) == "" {
			old.twice = true
		}
		return nil
	}
	t.names += len(name) + len(e.link)
	if len(t.entries) == maxEntries || t.names > maxNames {
		return t.exported(problem(saveAgain, "the tar has more files than an image archive may have here (%d files, %d bytes of names)", maxEntries, maxNames))
	}
	t.entries[name] = e
	if t.compression == Plain || e.link != "" || e.outer {
		return nil
	}
	return t.passing(e, tr)
}

// passing keeps what may be asked for of a file that goes by in a stream: its beginning, its JSON, and the digest of a compressed
// layer whose name may not tell it.
func (t *tree) passing(e *entry, r io.Reader) error {
	head := make([]byte, min(e.size, 16))
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	e.head = head
	r = &patient{t.ctx, io.MultiReader(bytes.NewReader(head), r)}
	switch {
	case e.size <= maxDocument && looksLikeJSON(head):
		data := make([]byte, e.size)
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		if d := parseDocument(data); d.matters() {
			e.document = d
			if d.err == nil {
				t.documents += e.size
			}
			if t.documents > maxDocuments {
				return problem("make several archives of it", "the manifests and configurations are more than %d MiB", maxDocuments>>20)
			}
		}
	case detect(head) != Plain && !strings.Contains(e.name, "blobs/"):
		hash := digest.Canonical.Digester()
		if _, err := io.Copy(hash.Hash(), r); err != nil {
			return err
		}
		e.digest = hash.Digest()
	}
	return nil
}

// drain reads a stream to its end, for what the decompressor has to say about it.
func (t *tree) drain(at *cursor) error {
	if t.compression == Plain {
		return nil
	}
	err := at.skip(1 << 62)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && at.failed == nil: // the end, where the decompressor is content
		return nil
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrMagicMismatch): // padding behind the data, such as that of a tape
		return nil
	}
	return t.explain(at, nil, err)
}

// last is the offset of the entry that was being read: the one whose header was, else the last that was taken note of.
func (t *tree) last(at *cursor) int64 {
	last := max(at.first, 0)
	for _, e := range t.entries {
		last = max(last, e.header)
	}
	return last
}

// explain says what is wrong with a tar that cannot be read on. Head is its beginning.
func (t *tree) explain(at *cursor, head []byte, err error) error {
	var p *Problem
	switch {
	case errors.As(err, &p) || t.ctx.Err() != nil:
		return err
	case at.failed != nil && t.compression != Plain:
		if at.source.failed != nil {
			return at.source.failed
		}
		return broken(t.compression, at.offset, at.failed)
	case at.failed != nil:
		return fmt.Errorf("reading at offset %d: %w", at.offset, at.failed)
	case at.first <= 0 && len(t.entries) == 0 && !looksLikeTar(head):
		if t.compression == Plain {
			return notTar(head)
		}
		if inner := detect(head); inner != Plain {
			return problem("decompress it once", "the file is compressed twice, by %s and %s", t.compression, inner)
		}
		return problem(saveAgain, "the file is compressed by %s, but holds no tar", t.compression)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem(copyAgain, "the tar is truncated: it ends within the entry at offset %d", t.last(at))
	case errors.Is(err, tar.ErrHeader):
		return problem(copyAgain, "the tar is broken: there is no header at offset %d", max(at.first, 0))
	}
	return &Problem{Message: fmt.Sprintf("the tar is broken at offset %d", max(at.first, 0)), Hint: copyAgain, Err: err}
}

func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// looksLikeTar tells whether a file begins with the header of a POSIX or GNU tar.
func looksLikeTar(head []byte) bool {
	return len(head) >= 262 && string(head[257:262]) == "ustar"
}

// short cuts a name for a message.
func short(name string) string {
	if len(name) > 120 {
		return name[:100] + "…"
	}
	return name
}
