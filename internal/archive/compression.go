package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is the most memory that a zstd stream may ask for, that of zstd -d without --long=31.
const maxWindow = 128 << 20

// detect says how data that begin with head are compressed, by the rules of pkg/archive/compression of containerd 2.2.9.
func detect(head []byte) Compression {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 0x08}):
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return Zstd
	case len(head) >= 8 && binary.LittleEndian.Uint32(head)&^0xf == 0x184d2a50: // a skippable frame
		return Zstd
	}
	return Plain
}

// decompress gives the stream below a compression. Closing it leaves r alone.
func decompress(r io.Reader, c Compression) (io.ReadCloser, error) {
	switch c {
	case Gzip:
		return gzip.NewReader(r)
	case Zstd:
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case Plain:
	}
	return io.NopCloser(r), nil
}

// broken explains the error of a decompressor.
func broken(c Compression, offset int64, err error) error {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return problem(copyAgain, "%s data end too early, after %d bytes of the tar: the file is truncated", c, offset)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return problem("compress it with zstd -19 or less, without --long=28 or more", "zstd data need a window of more than %d MiB", maxWindow>>20)
	}
	return &Problem{Message: string(c) + " data are damaged", Hint: copyAgain, Err: err}
}

// foreignFormats are beginnings of files that are no image archives.
var foreignFormats = []struct{ magic, what, hint string }{
	{"\xfd7zXZ\x00", "compressed by xz, which is not read", "xz -d FILE, or compress it with gzip or zstd"},
	{"BZh", "compressed by bzip2, which is not read", "bzip2 -d FILE, or compress it with gzip or zstd"},
	{"\x04\x22\x4d\x18", "compressed by lz4, which is not read", "lz4 -d FILE, or compress it with gzip or zstd"},
	{"LZIP", "compressed by lzip, which is not read", "lzip -d FILE, or compress it with gzip or zstd"},
	{"\x1f\x9d", "compressed by compress (.Z), which is not read", "uncompress FILE, or compress it with gzip or zstd"},
	{"PK\x03\x04", "a zip file", "unpack it: the tar of images may be in it"},
	{"7z\xbc\xaf\x27\x1c", "a 7z file", "unpack it: the tar of images may be in it"},
	{"hsqs", "a squashfs image", saveAgain},
	{"\x7fELF", "a program", saveAgain},
	{"version https://git-lfs", "a pointer of Git LFS instead of the file", "git lfs pull"},
	{"{", "JSON, not a tar", "an image layout is a directory: tar -cf FILE.tar -C DIRECTORY ."},
	{"<", "a web page, not a tar", "the download went wrong: a login page or an error page was saved"},
}

// notTar says what a file is that begins like this and is no tar.
func notTar(head []byte) error {
	text := bytes.TrimLeft(head, " \t\r\n\ufeff")
	for _, f := range foreignFormats {
		if bytes.HasPrefix(head, []byte(f.magic)) || (f.magic == "{" || f.magic == "<") && bytes.HasPrefix(text, []byte(f.magic)) {
			return problem(f.hint, "the file is %s", f.what)
		}
	}
	return problem(saveAgain, "the file is neither a tar nor a tar compressed by gzip or zstd")
}
