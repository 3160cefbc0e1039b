package archive_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/platforms"

	"github.com/regsync/regsync/internal/archive"
	"github.com/regsync/regsync/test/rig"
)

func TestMain(m *testing.M) {
	rig.Enter()
	os.Exit(m.Run())
}

// What real daemons of all releases record after ctr images import: name, media type and digest are those of the index.
func TestImport(t *testing.T) {
	for _, release := range rig.Releases {
		t.Run(release.Name, func(t *testing.T) {
			if _, err := exec.LookPath("ctr"); err != nil {
				rig.Missing(t, "ctr", err.Error())
			}
			if !rig.Isolated(t) {
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			dir := t.TempDir()
			daemon, err := rig.StartContainerd(ctx, release, dir)
			if err != nil {
				rig.Missing(t, "containerd "+release.Name, err.Error())
			}
			defer daemon.Stop()
			a, b := image(t, 1, "linux/amd64", 3), image(t, 2, "linux/arm64", 2)
			both := map[string]string{"io.containerd.image.name": "docker.io/library/app:1", "org.opencontainers.image.ref.name": "1"}
			base := map[string]string{"bare": "lab:5000/bare"} // a repository for what has none
			for name, entries := range map[string][]entry{
				"docker":   saved(t, tagged{a, []string{"app:1", "lab:5000/app:2"}}),
				"oci":      imageLayout(t, listed{a, both}, listed{a, map[string]string{"org.opencontainers.image.ref.name": "lab:5000/app:3"}}),
				"platform": imageLayout(t, listed{index(t, b, a), both}),
				"bare":     imageLayout(t, listed{a, map[string]string{"org.opencontainers.image.ref.name": "1"}}),
			} {
				t.Run(name, func(t *testing.T) {
					data := pack(t, entries...)
					file := filepath.Join(dir, name+".tar")
					if err := os.WriteFile(file, data, 0o644); err != nil {
						t.Fatal(err)
					}
					ctr := func(args ...string) string {
						return string(run(t, append([]string{"ctr", "--address", rig.ContainerdSocket, "--namespace", name}, args...)...))
					}
					ctr("images", "import", "--platform", "linux/amd64", "--snapshotter", "native", "--base-name", base[name], file)
					i := mustRead(t, data)
					want := map[string]string{}
					for _, m := range i.Images {
						for _, n := range m.Bare {
							want[base[name]+":"+n] = m.Target.MediaType + " " + m.Target.Digest.String()
						}
						for _, n := range m.Names {
							want[n] = m.Target.MediaType + " " + m.Target.Digest.String()
						}
					}
					for _, line := range strings.Split(strings.TrimSpace(ctr("images", "list")), "\n")[1:] {
						words := strings.Fields(line) // REF TYPE DIGEST SIZE …
						if want[words[0]] != words[1]+" "+words[2] {
							t.Errorf("%s is %s %s, want %s", words[0], words[1], words[2], want[words[0]])
						}
						delete(want, words[0])
					}
					if len(want) > 0 {
						t.Errorf("no %v", want)
					}
					content := ctr("content", "list", "--quiet")
					for _, m := range i.Images {
						chosen, err := m.ForPlatform(platforms.MustParse("linux/amd64"))
						if err != nil {
							t.Fatal(err)
						}
						for _, d := range append(chosen.Layers, chosen.Config, chosen.Descriptor, m.Target) {
							if !strings.Contains(content, d.Digest.String()) {
								t.Errorf("%s is not in the store", d.Digest)
							}
						}
					}
					exported(t, ctr, dir, name, i)
				})
			}
		})
	}
}

// exported reads what ctr itself writes of an image.
func exported(t *testing.T, ctr func(...string) string, dir, name string, imported archive.Index) {
	t.Helper()
	if len(imported.Images[0].Names) == 0 || name == "platform" {
		return
	}
	file := filepath.Join(dir, name+".export.tar")
	ctr("images", "export", file, imported.Images[0].Names[0])
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := mustRead(t, data)
	if i.Form != archive.OCI || i.Images[0].Target.Digest != imported.Images[0].Target.Digest || i.Images[0].Names[0] != imported.Images[0].Names[0] {
		t.Errorf("exported %+v", i.Images)
	}
	checkBlobs(t, i, data)
}
