// Command image makes a container image of a regsync program, as an archive that docker load, ctr images import and regsync's own preload take:
// the program, and links by which it finds below /host what a program of the node finds at /: the authorities that the node trusts, as Debian
// and as Red Hat keep them, and /run under its old name. It asks nobody, runs nothing, and
// makes the same bytes of the same program on every machine.
//
//	image PROGRAM ARCHITECTURE NAME ARCHIVE
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// program is where the program is in the image.
const program = "usr/bin/regsync"

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: image PROGRAM ARCHITECTURE NAME ARCHIVE")
		os.Exit(1)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(file, architecture, called, archive string) (err error) {
	tag, err := name.NewTag(called, name.StrictValidation)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	files, err := layer(data)
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, files)
	if err != nil {
		return err
	}
	image, err = mutate.ConfigFile(image, config(image, architecture, tag.TagStr()))
	if err != nil {
		return err
	}
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = errors.Join(err, os.Remove(archive))
		}
	}()
	return tarball.Write(tag, image, out)
}

// config says how the image is run: by root, who owns what it looks after.
func config(image v1.Image, architecture, version string) *v1.ConfigFile {
	c, err := image.ConfigFile()
	if err != nil {
		panic(err) // it was made just now
	}
	c = c.DeepCopy()
	c.OS, c.Architecture = "linux", architecture
	c.Config = v1.Config{
		Entrypoint: []string{"/" + program},
		User:       "0:0",
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":   "regsync",
			"org.opencontainers.image.source":  "https://github.com/regsync/regsync",
			"org.opencontainers.image.version": version,
		},
	}
	return c
}

// layer holds the program and the links, in one order and without a time.
func layer(data []byte) (v1.Layer, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755},
		{Typeflag: tar.TypeSymlink, Name: "etc/pki", Linkname: "../host/etc/pki", Mode: 0o777},
		{Typeflag: tar.TypeSymlink, Name: "etc/ssl", Linkname: "../host/etc/ssl", Mode: 0o777},
		{Typeflag: tar.TypeDir, Name: "host/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "host/var/", Mode: 0o755},
		{Typeflag: tar.TypeSymlink, Name: "host/var/run", Linkname: "../run", Mode: 0o777},
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeDir, Name: "usr/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "usr/bin/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: program, Size: int64(len(data)), Mode: 0o755},
	} {
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
}
