package archive

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
)

// Walk gives each wanted blob to read, once, in the order of the archive; before them what is not in it but made of it. A compressed archive is
// decompressed once. The reader ends with an error instead of io.EOF if the bytes are not those of the digest; what is left unread
// is skipped. R is the file that the index was read from. An error of read ends the walk and is returned as it is.
func (i Index) Walk(ctx context.Context, r io.ReaderAt, wanted []digest.Digest, read func(digest.Digest, Blob, io.Reader) error) error {
	wanted = slices.Clone(wanted)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	for _, d := range wanted {
		if _, ok := i.Blobs[d]; !ok {
			return notHere(d)
		}
	}
	slices.SortStableFunc(wanted, func(a, b digest.Digest) int { return i.Blobs[a].compare(i.Blobs[b]) })
	var at *cursor
	for _, d := range wanted {
		b := i.Blobs[d]
		if at == nil && i.Compression != Plain && b.Data == nil {
			var err error
			if at, err = newCursor(ctx, r, i.Size, i.Compression); err != nil {
				return err
			}
			defer at.close()
		}
		v, err := i.open(ctx, r, at, d, b)
		if err == nil {
			err = read(d, b, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Open gives the bytes of one blob, verified as those of [Index.Walk] are. In a compressed archive all that lies before it is decompressed first.
func (i Index) Open(ctx context.Context, r io.ReaderAt, d digest.Digest) (io.ReadCloser, error) {
	b, ok := i.Blobs[d]
	if !ok {
		return nil, notHere(d)
	}
	if i.Compression == Plain || b.Data != nil {
		v, err := i.open(ctx, r, nil, d, b)
		return io.NopCloser(v), err
	}
	at, err := newCursor(ctx, r, i.Size, i.Compression)
	if err != nil {
		return nil, err
	}
	v, err := i.open(ctx, r, at, d, b)
	if err != nil {
		at.close()
		return nil, err
	}
	return &opened{v, at}, nil
}

// opened is a blob of a compressed archive.
type opened struct {
	*verified
	at *cursor
}

// Close lets the decompressor go.
func (o *opened) Close() error {
	o.at.close()
	return nil
}

// Tar gives the whole archive as a plain tar: decompressed, where it is not one already.
func (i Index) Tar(ctx context.Context, r io.ReaderAt) (io.ReadCloser, error) {
	if i.Compression == Plain {
		return io.NopCloser(io.NewSectionReader(r, 0, i.Size)), nil
	}
	at, err := newCursor(ctx, r, i.Size, i.Compression)
	if err != nil {
		return nil, err
	}
	return &stream{at}, nil
}

// stream is what a compressed archive decompresses to.
type stream struct{ *cursor }

// Close lets the decompressor go.
func (s *stream) Close() error {
	s.close()
	return nil
}

func notHere(d digest.Digest) error { return problem(saveAgain, "blob %s is not in the archive", d) }

// open gives the bytes of a blob: its own, those of a plain archive r, or those that at comes to.
func (i Index) open(ctx context.Context, r io.ReaderAt, at *cursor, d digest.Digest, b Blob) (*verified, error) {
	if err := cmp.Or(d.Validate(), b.check()); err != nil {
		return nil, within("reading "+short(d.String())+" of the archive", err)
	}
	v := &verified{ctx: ctx, at: at, compression: i.Compression, digest: d, left: b.Size}
	if !i.Unverified {
		v.hash = d.Algorithm().Hash()
	}
	var err error
	switch {
	case b.Data != nil:
		v.r, v.at = bytes.NewReader(b.Data), nil
	case at != nil:
		v.r, err = passing(at, b)
	default:
		v.r, err = content(r, i.Size, b)
	}
	if err != nil {
		return nil, v.explain(err)
	}
	if b.Size == 0 {
		v.err = v.verdict()
	}
	return v, nil
}

// passing skips to a blob of a compressed archive.
func passing(at *cursor, b Blob) (io.Reader, error) {
	if b.Offset < at.offset {
		return nil, errors.New("its place overlaps that of another blob")
	}
	if err := at.skip(b.Offset - at.offset); err != nil {
		return nil, err
	}
	if b.Sparse {
		tr := tar.NewReader(at)
		_, err := tr.Next()
		return tr, err
	}
	return io.LimitReader(at, b.Size), nil
}

// check refuses a place that no archive has: an index may come from JSON that somebody has changed.
func (b Blob) check() error {
	if b.Size < 0 || b.Offset < 0 || b.Data != nil && int64(len(b.Data)) != b.Size {
		return errors.New("its place in the index is none")
	}
	return nil
}

// compare orders blobs by their place. Those with data of their own have none, which is 0.
func (b Blob) compare(other Blob) int {
	return cmp.Compare(b.Offset, other.Offset)
}

// verified reads the bytes of a blob and no others.
type verified struct {
	ctx         context.Context
	r           io.Reader
	at          *cursor // what r reads from, of a compressed archive
	compression Compression
	digest      digest.Digest
	hash        hash.Hash // nil: whoever takes the bytes compares
	left        int64
	err         error
}

func (v *verified) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	if err := v.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := v.r.Read(p[:min(int64(len(p)), v.left)])
	if v.hash != nil {
		v.hash.Write(p[:n])
	}
	v.left -= int64(n)
	switch {
	case v.left == 0:
		// With the last bytes: who asks for so many and no more has to learn it too.
		if v.err = v.verdict(); errors.Is(v.err, io.EOF) {
			return n, nil
		}
	case err == io.EOF:
		v.err = v.explain(problem(copyAgain, "the archive ends %d bytes too early", v.left))
	case err != nil:
		v.err = v.explain(err)
	}
	return n, v.err
}

// verdict is io.EOF for the right bytes.
func (v *verified) verdict() error {
	if v.hash == nil {
		return io.EOF
	}
	if got := digest.NewDigest(v.digest.Algorithm(), v.hash); got != v.digest {
		return v.explain(problem(copyAgain, "its bytes have digest %s: the archive is damaged, or was changed since its index was read", got))
	}
	return io.EOF
}

// explain says why the blob cannot be read.
func (v *verified) explain(err error) error {
	if at := v.at; at != nil && at.failed != nil && at.source.failed == nil && v.ctx.Err() == nil {
		err = broken(v.compression, at.offset, at.failed)
	}
	return within("reading "+v.digest.String()+" of the archive", err)
}
