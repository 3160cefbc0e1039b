package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// TestStories runs testdata/*.txtar. A story's first lines may say what it needs:
//
//	# containerd: 1.6 2.2     runs it once for each release, named in $CONTAINERD
//	# needs: dockerd regsync  programs; kube stands for those of a control plane, kubectl for the one that is built with them,
//	                          debian for the Debian roots, packer for Packer in one of them, release for a release of this tree
//
// The condition [containerd:2.2] holds on that release.
//
// The commands that stories have beside testscript's own are in the files of this package, one for each component.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("looking for stories: %d found, error %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		releases := header(string(text), "containerd")
		needs := header(string(text), "needs")
		if len(releases) == 0 {
			t.Run(name, func(t *testing.T) { tell(t, file, "", needs) })
		}
		for _, release := range releases {
			t.Run(name+"@"+release, func(t *testing.T) { tell(t, file, release, needs) })
		}
	}
}

// header returns the words of the line "# KEY: words" among the comments that a story begins with.
func header(text, key string) []string {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			return nil
		}
		if words, ok := strings.CutPrefix(line, "# "+key+":"); ok {
			return strings.Fields(words)
		}
	}
	return nil
}

// tell runs one story on one release, in namespaces of its own.
func tell(t *testing.T, file, release string, needs []string) {
	t.Parallel()
	if release != "" {
		require(t, release)
	}
	for _, program := range needs {
		var err error
		switch program {
		case "regsync":
			regsync(t)
		case "release":
			madeRelease(t)
		case "debian":
			_, err = rig.FindDebian("judges")
		case "packer":
			_, err = rig.FindPacker()
		case "systemd":
			_, err = rig.SystemdProgram()
		case "kube":
			_, err = rig.FindKube()
		case "kubectl":
			_, err = rig.FindKubectl()
		case "kustomize":
			_, err = rig.Kustomize.Find()
		case "helm":
			_, err = rig.Helm.Find()
		default:
			_, err = exec.LookPath(program)
		}
		if err != nil {
			rig.Missing(t, program, err.Error())
		}
	}
	if !rig.Isolated(t) {
		return
	}
	// Not t.TempDir: daemons keep mounts in it, which go with the namespace; then the process outside removes it.
	dir, err := os.MkdirTemp("", "node-*")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               []string{file},
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Cmds:                commands,
		Condition: func(name string) (bool, error) {
			if asked, ok := strings.CutPrefix(name, "containerd:"); ok {
				return asked == release, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Setup: func(env *testscript.Env) error {
			return setUp(env, dir, release)
		},
	})
}

// built containerd releases, one entry each.
var releases sync.Map // name → func() error

// require skips the test where a release of containerd cannot be had. It builds the release where the cache lacks it;
// inside the namespaces that would be too late, there is no network.
func require(t *testing.T, name string) {
	t.Helper()
	find, _ := releases.LoadOrStore(name, sync.OnceValue(func() error {
		release, err := rig.Release(name)
		if err != nil {
			return err
		}
		_, err = release.Path(t.Context())
		return err
	}))
	if err := find.(func() error)(); err != nil {
		rig.Missing(t, "containerd "+name, err.Error())
	}
}
