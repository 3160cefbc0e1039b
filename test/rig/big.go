package rig

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"runtime"
)

// Layer is one of an archive too big to be made in memory: a file of so many random bytes, always the same ones for the same seed.
type Layer struct {
	Seed int64
	Size int64
}

// blob is a file that stands ready below its digest.
type blob struct {
	path   string
	digest string
	size   int64
}

// BigArchive writes an OCI layout with one image of these layers, plain or each compressed by gzip as registries have them.
func BigArchive(name, ref string, compressed bool, layers ...Layer) error {
	var blobs []blob
	defer func() {
		for _, b := range blobs {
			os.Remove(b.path)
		}
	}()
	var diffIDs []string
	for i, l := range layers {
		b, diffID, err := l.write(fmt.Sprintf("%s.layer%d", name, i), compressed)
		blobs = append(blobs, b)
		if err != nil {
			return err
		}
		diffIDs = append(diffIDs, diffID)
	}
	mediaType := "application/vnd.oci.image.layer.v1.tar"
	if compressed {
		mediaType += "+gzip"
	}
	config := document(map[string]any{
		"os": "linux", "architecture": runtime.GOARCH, "config": map[string]any{}, "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	})
	var list []any
	for _, b := range blobs {
		list = append(list, descriptor(mediaType, b.digest, b.size))
	}
	manifest := document(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("application/vnd.oci.image.config.v1+json", digestOf(config), int64(len(config))), "layers": list,
	})
	target := descriptor("application/vnd.oci.image.manifest.v1+json", digestOf(manifest), int64(len(manifest)))
	target["annotations"] = map[string]string{containerdName: ref}
	index := document(map[string]any{"schemaVersion": 2, "manifests": []any{target}})

	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	w := tar.NewWriter(out)
	add := func(name string, size int64, from io.Reader) {
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size})
		}
		if err == nil {
			_, err = io.Copy(w, from)
		}
	}
	for _, document := range [][]byte{config, manifest} {
		add("blobs/sha256/"+digestOf(document)[len("sha256:"):], int64(len(document)), bytes.NewReader(document))
	}
	for _, b := range blobs {
		f, failed := os.Open(b.path)
		if failed != nil {
			return failed
		}
		add("blobs/sha256/"+b.digest[len("sha256:"):], b.size, f)
		f.Close()
	}
	add("index.json", int64(len(index)), bytes.NewReader(index))
	add("oci-layout", 30, bytes.NewReader([]byte(`{"imageLayoutVersion":"1.0.0"}`)))
	if err != nil {
		return err
	}
	return w.Close()
}

// write writes the layer as a tar to a file, and returns also the digest of what is not compressed.
func (l Layer) write(path string, compressed bool) (b blob, diffID string, err error) {
	b.path = path
	f, err := os.Create(path)
	if err != nil {
		return b, "", err
	}
	defer f.Close()
	stored, plain := sha256.New(), sha256.New()
	out := io.Writer(io.MultiWriter(f, stored))
	var packer *gzip.Writer
	if compressed {
		if packer, err = gzip.NewWriterLevel(out, gzip.BestSpeed); err != nil {
			return b, "", err
		}
		out = packer
	}
	w := tar.NewWriter(io.MultiWriter(out, plain))
	err = w.WriteHeader(&tar.Header{Name: fmt.Sprintf("data/%d", l.Seed), Mode: 0o644, Size: l.Size})
	if err == nil {
		_, err = io.CopyN(w, rand.New(rand.NewSource(l.Seed)), l.Size)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil && packer != nil {
		err = packer.Close()
	}
	if err != nil {
		return b, "", err
	}
	b.digest = fmt.Sprintf("sha256:%x", stored.Sum(nil))
	b.size, err = f.Seek(0, io.SeekCurrent)
	return b, fmt.Sprintf("sha256:%x", plain.Sum(nil)), err
}

func descriptor(mediaType, digest string, size int64) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digest, "size": size}
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// document is v as JSON; what is given here always has one.
func document(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
