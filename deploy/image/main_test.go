package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The same program gives the same archive, wherever it lies and whenever it was built; another one gives another.
func TestImage(t *testing.T) {
	dir := t.TempDir()
	var archives [3][]byte
	for i, text := range []string{"a program", "a program", "another one"} {
		file, archive := filepath.Join(dir, fmt.Sprint(i)), filepath.Join(dir, fmt.Sprint(i, ".tar"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(file, "arm64", "ghcr.io/regsync/regsync:v1.2.3", archive); err != nil {
			t.Fatal(err)
		}
		var err error
		if archives[i], err = os.ReadFile(archive); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) || bytes.Equal(archives[0], archives[2]) {
		t.Error("the archives are not as alike as their programs")
	}

	image, err := tarball.ImageFromPath(filepath.Join(dir, "0.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(config.OS, config.Architecture, config.Config.Entrypoint, config.Config.User, config.Created.Unix() > 0); got != "linuxarm64[/usr/bin/regsync]0:0false" {
		t.Errorf("config %s", got)
	}
	var files []string
	layer := mutate.Extract(image)
	defer layer.Close()
	for r := tar.NewReader(layer); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeDir {
			files = append(files, strings.TrimSpace(fmt.Sprintf("%o %s %s", h.Mode, h.Name, h.Linkname)))
		}
	}
	want := []string{"777 etc/pki ../host/etc/pki", "777 etc/ssl ../host/etc/ssl", "777 host/var/run ../run", "755 usr/bin/regsync"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// What fails leaves no archive.
func TestNoImage(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "image.tar")
	for _, called := range []string{"ghcr.io/regsync/regsync:v1", "no tag", "ghcr.io/regsync/regsync"} {
		if err := run(filepath.Join(dir, "not there"), "amd64", called, archive); err == nil {
			t.Errorf("%q: no error", called)
		}
		if _, err := os.Stat(archive); err == nil {
			t.Errorf("%q: there is an archive", called)
		}
	}
}
