package test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

// releaseVariable is the environment variable that names the release under test to the tests in namespaces.
const releaseVariable = "REGSYNC_RELEASE"

// releaseVersion, releaseTime and releaseMaintainer are those of the release under test. Without the second it would be the commit's, and
// there may be a new one while the tests run.
const (
	releaseVersion    = "v1.2.0-rc.1"
	releaseTime       = "1790000000"
	releaseMaintainer = "Release Tests <tests@regsync.invalid>"
)

var released = sync.OnceValue(func() error {
	if os.Getenv(releaseVariable) != "" {
		return nil
	}
	dist := filepath.Join(built.dir, "release")
	if err := makeRelease("..", dist, "022"); err != nil {
		return err
	}
	return os.Setenv(releaseVariable, dist)
})

// madeRelease returns the directory of a release of this tree, which is built once.
func madeRelease(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"make", "git"} {
		if _, err := exec.LookPath(program); err != nil {
			rig.Missing(t, program, err.Error())
		}
	}
	if err := released(); err != nil {
		t.Fatalf("building a release: %v", err)
	}
	return os.Getenv(releaseVariable)
}

// makeRelease runs make release in a source tree.
func makeRelease(tree, dist, umask string, env ...string) error {
	cmd := exec.CommandContext(context.Background(), "sh", "-c", `umask "$0" && exec make release DIST="$1" VERSION="$2"`, umask, dist, releaseVersion)
	cmd.Dir = tree
	cmd.Env = append(append(os.Environ(), "MAKEFLAGS=", "SOURCE_DATE_EPOCH="+releaseTime, "MAINTAINER="+releaseMaintainer), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// TestReproducible builds this tree twice, in places and circumstances that differ: the same bytes come out. (Go's cache knows both;
// make reproducible builds without it.)
func TestReproducible(t *testing.T) {
	t.Parallel()
	dist := madeRelease(t)
	tree := filepath.Join(t.TempDir(), "some", "where", "else")
	copyTree(t, tree)
	again := filepath.Join(t.TempDir(), "again")
	if err := makeRelease(tree, again, "077", "TZ=Asia/Tokyo", "LANG=tr_TR.UTF-8"); err != nil {
		t.Fatal(err)
	}
	sums := func(dir string) string {
		text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if one, other := sums(dist), sums(again); one != other {
		t.Errorf("built here:\n%sbuilt elsewhere:\n%s", one, other)
	}
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = again
	if said, err := check.CombinedOutput(); err != nil || strings.Count(string(said), ": OK\n") != 8 {
		t.Errorf("of eight files: %v\n%s", err, said)
	}
}

// copyTree copies what is this project's of its tree.
func copyTree(t *testing.T, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `git ls-files -z --cached --others --exclude-standard | tar --ignore-failed-read --null -T - -cf - | tar -C "$1" -xf -`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", to)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copying the tree: %v\n%s", err, out)
	}
}
