package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/platforms"

	"github.com/regsync/regsync/internal/archive"
	"github.com/regsync/regsync/test/rig"
)

func readFile(t *testing.T, file string) (archive.Index, []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return mustRead(t, data), data
}

// One image of linux/amd64 with the configuration of img, under a name, in a file that a tool has written.
func checkOne(t *testing.T, i archive.Index, data []byte, form archive.Form, name, config string) {
	t.Helper()
	if i.Form != form || len(i.Images) != 1 || !slices.Contains(append(i.Images[0].Names, i.Images[0].Bare...), name) {
		t.Fatalf("%s with %+v", i.Form, i.Images)
	}
	m, err := i.Images[0].ForPlatform(platforms.MustParse("linux/amd64"))
	if err != nil || config != "" && m.Config.Digest.String() != config {
		t.Errorf("%+v, %v", m, err)
	}
	checkBlobs(t, i, data)
}

func TestSkopeo(t *testing.T) {
	skopeo := tool(t, "skopeo", "apt-get install skopeo")
	img := asOCI(t, image(t, 1, "linux/amd64", 3))
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	unpack(t, in("layout"), imageLayout(t, listed{img, map[string]string{"org.opencontainers.image.ref.name": "1"}}))
	copyTo := func(to string) {
		run(t, skopeo, "--insecure-policy", "copy", "--all", "oci:"+in("layout")+":1", to)
	}

	copyTo("docker-archive:" + in("docker.tar") + ":lab:5000/app:1")
	i, data := readFile(t, in("docker.tar"))
	checkOne(t, i, data, archive.Docker, "lab:5000/app:1", config.String())
	for version, open := range importers {
		targets, _, err := open(t.TempDir(), data)
		if err != nil {
			t.Fatal(version, err)
		}
		agree(t, i, targets)
	}

	copyTo("oci-archive:" + in("oci.tar") + ":lab:5000/app:1")
	i, data = readFile(t, in("oci.tar"))
	checkOne(t, i, data, archive.OCI, "lab:5000/app:1", "")
	copyTo("oci-archive:" + in("bare.tar") + ":1")
	i, data = readFile(t, in("bare.tar"))
	checkOne(t, i, data, archive.OCI, "1", "")

	copyTo("dir:" + in("dir"))
	run(t, "tar", "-cf", in("dir.tar"), "-C", in("dir"), ".")
	if data, err = os.ReadFile(in("dir.tar")); err == nil {
		_, err = read(data)
	}
	var p *archive.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Message, "skopeo's dir: transport") {
		t.Errorf("a tar of dir:: %v", err)
	}
}

func TestUmoci(t *testing.T) {
	umoci := tool(t, "umoci", "apt-get install umoci")
	dir := t.TempDir()
	run(t, umoci, "init", "--layout", filepath.Join(dir, "layout"))
	run(t, umoci, "new", "--image", filepath.Join(dir, "layout")+":1")
	run(t, umoci, "config", "--image", filepath.Join(dir, "layout")+":1", "--os", "linux", "--architecture", "amd64")
	file := filepath.Join(dir, "a.tar")
	run(t, "tar", "-czf", file, "-C", dir, "layout")
	i, data := readFile(t, file)
	checkOne(t, i, data, archive.OCI, "1", "")
}

// What a real dockerd saves, of images that share layers.
func TestDockerSave(t *testing.T) {
	tool(t, "dockerd", "apt-get install docker.io")
	tool(t, "docker", "apt-get install docker.io")
	if !rig.Isolated(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	dir := t.TempDir()
	daemon, err := rig.StartDockerd(ctx, dir, "--storage-driver=vfs")
	if err != nil {
		rig.Missing(t, "dockerd", err.Error())
	}
	defer daemon.Stop()
	in := func(name string) string { return filepath.Join(dir, name) }
	docker := func(args ...string) string {
		return string(run(t, append([]string{"docker", "--host", "unix://" + rig.DockerSocket}, args...)...))
	}
	a, b := image(t, 1, "linux/amd64", 3), image(t, 2, "linux/amd64", 1)
	if err := os.WriteFile(in("in.tar"), pack(t, saved(t, tagged{a, []string{"app:1"}}, tagged{b, []string{"lab:5000/other:1"}})...), 0o644); err != nil {
		t.Fatal(err)
	}
	docker("load", "--input", in("in.tar"))
	docker("tag", "app:1", "lab:5000/app:2")
	// Another image on the same layers.
	container := strings.TrimSpace(docker("create", "app:1", "/none"))
	docker("commit", "--change", "ENV A=1", container, "derived:1")
	docker("export", "--output", in("export.tar"), container)

	docker("save", "--output", in("all.tar"), "app:1", "lab:5000/app:2", "lab:5000/other:1", "derived:1")
	i, data := readFile(t, in("all.tar"))
	var names []string
	for _, m := range i.Images {
		names = append(names, m.Names...)
		if _, err := m.ForPlatform(platforms.MustParse("linux/amd64")); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(names)
	if want := []string{"docker.io/library/app:1", "docker.io/library/derived:1", "lab:5000/app:2", "lab:5000/other:1"}; !slices.Equal(names, want) || len(i.Images) != 3 {
		t.Errorf("%d images %q, want 3 %q", len(i.Images), names, want)
	}
	checkBlobs(t, i, data)
	for version, open := range importers {
		targets, _, err := open(t.TempDir(), data)
		if err != nil {
			t.Fatal(version, err)
		}
		agree(t, i, targets)
	}
	checkBlobs(t, mustRead(t, gzipped(t, data)), gzipped(t, data))

	var ids []string
	if err := json.Unmarshal([]byte("["+strings.ReplaceAll(strings.TrimSpace(docker("image", "inspect", "--format", "{{json .Id}}", "app:1")), "\n", ",")+"]"), &ids); err != nil {
		t.Fatal(err)
	}
	docker("save", "--output", in("id.tar"), ids[0])
	i, data = readFile(t, in("id.tar"))
	if len(i.Images) != 1 || i.Images[0].Names != nil || i.Images[0].Manifests[0].Config.Digest.String() != ids[0] {
		t.Errorf("saved by id: %+v", i.Images)
	}
	checkBlobs(t, i, data)

	if data, err = os.ReadFile(in("export.tar")); err == nil {
		_, err = read(data)
	}
	var p *archive.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Message, "docker export") {
		t.Errorf("a container exported: %v", err)
	}
}
