package archive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tool skips a test that needs a program of the machine, by name. With CI=true it fails.
func tool(t testing.TB, name, how string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing on this machine: %s (%s)", name, how)
	}
	t.Skipf("missing on this machine: %s (%s)", name, how)
	return ""
}

func run(t testing.TB, argv ...string) []byte {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return out
}

// unpack writes the files of entries below a directory, holes as holes.
func unpack(t testing.TB, dir string, entries []entry) {
	t.Helper()
	for _, e := range entries {
		name := filepath.Join(dir, e.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case e.link != "":
			err = os.Symlink(e.link, name)
		case e.body != nil:
			err = os.WriteFile(name, e.body, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// GNU tar in all its formats, with files that have holes and files that are linked to each other.
func TestGNUTar(t *testing.T) {
	program := tool(t, "tar", "apt-get install tar")
	img := withHoles(t, image(t, 1, "linux/amd64", 2))
	for form, entries := range map[string][]entry{
		"docker": saved(t, tagged{img, []string{"a:1"}}, tagged{image(t, 3, "linux/amd64", 1), []string{"b:1"}}),
		"oci":    imageLayout(t, listed{img, map[string]string{"io.containerd.image.name": "docker.io/library/a:1"}}, listed{image(t, 3, "linux/amd64", 1), map[string]string{"io.containerd.image.name": "docker.io/library/b:1"}}),
	} {
		want := mustRead(t, pack(t, entries...))
		dir := t.TempDir()
		unpack(t, dir, entries)
		// Holes for tar to find; GNU tar looks for them, not for zeros.
		run(t, "sh", "-c", `find "$0" -type f -size +256k -exec fallocate --dig-holes {} \; -exec ln {} {}.same \;`, dir)
		for _, flags := range [][]string{
			{"--format=gnu"},
			{"--format=gnu", "--sparse"},
			{"--format=posix"},
			{"--format=posix", "--sparse", "--sparse-version=0.0"},
			{"--format=posix", "--sparse", "--sparse-version=0.1"},
			{"--format=posix", "--sparse", "--sparse-version=1.0"},
			{"--format=ustar"},
			{"--format=v7"},
			{"--format=oldgnu", "--sparse"},
		} {
			file := filepath.Join(t.TempDir(), "a.tar")
			run(t, append(append([]string{program}, flags...), "-cf", file, "-C", dir, ".")...)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, data := range [][]byte{data, gzipped(t, data)} {
				i := mustRead(t, data)
				if diff := cmp.Diff(want.Images, i.Images); diff != "" {
					t.Errorf("%s %q: %s", form, flags, diff)
				}
				sparse := 0
				for _, b := range i.Blobs {
					if b.Sparse {
						sparse++
					}
				}
				if len(flags) > 1 && sparse != 1 {
					t.Errorf("%s %q: %d sparse blobs", form, flags, sparse)
				}
				checkBlobs(t, i, data)
			}
		}
	}
}
