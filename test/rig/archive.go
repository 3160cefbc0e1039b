package rig

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/klauspost/compress/zstd"
)

// Annotations by which the tools name an image in the index of a layout.
const (
	containerdName = "io.containerd.image.name"
	refName        = "org.opencontainers.image.ref.name"
)

// entry is a file of a tar.
type entry struct {
	name string
	body []byte
}

// Archive makes an archive of random images, one for each element of refs, which holds that image's names between commas. Forms:
//
//	docker     docker save of 20.10: manifest.json, and layers that are not compressed
//	oci        an OCI layout, named as containerd and Docker name images
//	bare       an OCI layout, named with the tag alone, as skopeo and umoci do
//	nested     an OCI layout below a directory
//	platforms  an OCI layout with an index of linux/amd64, linux/arm64 and linux/s390x
//	docker29   docker save since 29: an index whose other platforms are not in the archive, and manifest.json
//	foreign    docker, for linux/s390x alone
//	truncated  docker, torn off in the middle of a layer
//	flipped    oci with one byte of a layer changed
//	dir        a tar of what skopeo's dir: transport writes
//	export     a tar of what docker export writes: a file system
//	empty      nothing
//
// Any form may have -gz or -zst at its end.
func Archive(form string, refs []string) ([]byte, error) {
	form, compression, _ := strings.Cut(form, "-")
	data, err := plainArchive(form, refs)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	switch compression {
	case "":
		return data, nil
	case "gz":
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
		err := w.Close()
		return packed.Bytes(), err
	case "zst":
		w, err := zstd.NewWriter(nil)
		if err != nil {
			return nil, err
		}
		return w.EncodeAll(data, nil), w.Close()
	}
	return nil, fmt.Errorf("making an archive: no compression %q", compression)
}

func plainArchive(form string, refs []string) ([]byte, error) {
	architecture := runtime.GOARCH
	if form == "foreign" {
		architecture = "s390x"
	}
	var images []v1.Image
	for range refs {
		image, err := NewImage(architecture, 40_000, 3)
		if err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	switch form {
	case "docker", "foreign":
		return packOf(saved(images, refs))
	case "truncated":
		data, err := packOf(saved(images, refs))
		return data[:len(data)*2/3], err
	case "oci", "bare", "nested", "platforms", "docker29", "flipped":
		return packOf(laidOut(form, images, refs))
	case "dir":
		return packOf(dirTransport(images[0]))
	case "export":
		return pack([]entry{{"bin/sh", []byte("#!")}, {"etc/hostname", []byte("node\n")}, {"usr/lib/os-release", []byte("ID=none\n")}})
	case "empty":
		return nil, nil
	}
	return nil, fmt.Errorf("making an archive: no form %q", form)
}

// NewImage makes an image for linux whose layers hold a file of so many random bytes each.
func NewImage(architecture string, size int64, layers int) (v1.Image, error) {
	image, err := random.Image(size, int64(layers))
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	config.Config.Cmd = []string{"/bin/true"}
	return mutate.ConfigFile(image, config)
}

// saved gives what docker save writes.
func saved(images []v1.Image, refs []string) ([]entry, error) {
	var out []entry
	type element struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var list []element
	for i, image := range images {
		config, err := image.RawConfigFile()
		if err != nil {
			return nil, err
		}
		digest, err := image.ConfigName()
		if err != nil {
			return nil, err
		}
		layers, err := image.Layers()
		if err != nil {
			return nil, err
		}
		m := element{Config: digest.Hex + ".json", RepoTags: strings.Split(refs[i], ",")}
		for _, layer := range layers {
			body, err := contentOf(layer.Uncompressed())
			if err != nil {
				return nil, err
			}
			id, err := layer.DiffID()
			if err != nil {
				return nil, err
			}
			out = append(out, entry{id.Hex + "/VERSION", []byte("1.0")}, entry{id.Hex + "/json", []byte("{}")}, entry{id.Hex + "/layer.tar", body})
			m.Layers = append(m.Layers, id.Hex+"/layer.tar")
		}
		out = append(out, entry{m.Config, config})
		list = append(list, m)
	}
	manifest, err := json.Marshal(list)
	return append(out, entry{"manifest.json", manifest}, entry{"repositories", []byte("{}")}), err
}

// laidOut gives the files of an OCI layout.
func laidOut(form string, images []v1.Image, refs []string) ([]entry, error) {
	dir, err := os.MkdirTemp("", "layout-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, err
	}
	var others []string // blobs of other platforms
	for i, image := range images {
		for _, ref := range strings.Split(refs[i], ",") {
			name := layout.WithAnnotations(map[string]string{containerdName: ref, refName: ref[strings.LastIndex(ref, ":")+1:]})
			if form == "bare" {
				name = layout.WithAnnotations(map[string]string{refName: ref})
			}
			if form != "platforms" && form != "docker29" {
				if err := path.AppendImage(image, name); err != nil {
					return nil, err
				}
				continue
			}
			index, other, err := indexOf(image)
			if err != nil {
				return nil, err
			}
			others = append(others, other...)
			if err := path.AppendIndex(index, name); err != nil {
				return nil, err
			}
		}
	}
	entries, err := filesBelow(dir)
	if err != nil {
		return nil, err
	}
	switch form {
	case "nested":
		for i := range entries {
			entries[i].name = "backup/images/" + entries[i].name
		}
	case "docker29":
		var here []entry
		for _, e := range entries {
			if !slices.Contains(others, filepath.Base(e.name)) {
				here = append(here, e)
			}
		}
		entries = here
	case "flipped":
		layers, err := images[0].Layers()
		if err != nil {
			return nil, err
		}
		digest, err := layers[len(layers)-1].Digest()
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if filepath.Base(e.name) == digest.Hex {
				e.body[len(e.body)/2] ^= 1
			}
		}
	}
	return entries, nil
}

// indexOf gives an index of an image for this machine and of two for others, and the digests (hex) of all that belongs to those.
func indexOf(image v1.Image) (v1.ImageIndex, []string, error) {
	add := func(index v1.ImageIndex, image v1.Image, architecture string) v1.ImageIndex {
		return mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	index := add(empty.Index, image, runtime.GOARCH)
	var others []string
	for _, architecture := range []string{"amd64", "arm64", "s390x"} {
		if architecture == runtime.GOARCH {
			continue
		}
		other, err := NewImage(architecture, 20_000, 2)
		if err != nil {
			return nil, nil, err
		}
		index = add(index, other, architecture)
		manifest, err := other.Manifest()
		if err != nil {
			return nil, nil, err
		}
		digest, err := other.Digest()
		if err != nil {
			return nil, nil, err
		}
		others = append(others, digest.Hex, manifest.Config.Digest.Hex)
		for _, layer := range manifest.Layers {
			others = append(others, layer.Digest.Hex)
		}
	}
	return index, others, nil
}

// dirTransport gives the files that skopeo's dir: transport writes.
func dirTransport(image v1.Image) ([]entry, error) {
	manifest, err := image.RawManifest()
	if err != nil {
		return nil, err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return nil, err
	}
	digest, err := image.ConfigName()
	if err != nil {
		return nil, err
	}
	out := []entry{{"version", []byte("Directory Transport Version: 1.1\n")}, {"manifest.json", manifest}, {digest.Hex, config}}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return nil, err
		}
		body, err := contentOf(layer.Compressed())
		if err != nil {
			return nil, err
		}
		out = append(out, entry{digest.Hex, body})
	}
	return out, nil
}

func packOf(entries []entry, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return pack(entries)
}

func pack(entries []entry) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.body); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func filesBelow(dir string) ([]entry, error) {
	var out []entry
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		out = append(out, entry{rel, body})
		return err
	})
	return out, err
}

func contentOf(r io.ReadCloser, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
