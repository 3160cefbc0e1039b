package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/regsync/regsync/plan"
)

// strays makes a directory with one stray of each kind, and things that look like some.
func strays(t *testing.T) string {
	t.Helper()
	dir := tree(t, map[string]string{
		"d/link": "-> ../elsewhere/file", "elsewhere/file": "theirs", "d/dangling": "-> none", "d/circle": "-> circle", "d/device": "-> /dev/null", "d/out": "-> ../../x",
		"d/dir/": "", "d/full/file": "x", "d/file": "x", "current": "-> d",
	})
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "d/pipe"), 0o640), os.Chmod(filepath.Join(dir, "d/dir"), 0o750), os.Chmod(filepath.Join(dir, "d/pipe"), 0o640)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func link(target string) *plan.Stray {
	return &plan.Stray{Kind: plan.StrayLink, Link: target, UID: os.Getuid(), GID: os.Getgid()}
}

var strayTests = map[string]*plan.Stray{
	"link": link("../elsewhere/file"), "dangling": link("none"), "circle": link("circle"), "device": link("/dev/null"), "out": link("../../x"),
	"pipe": {Kind: plan.StrayPipe, Mode: 0o640, UID: os.Getuid(), GID: os.Getgid()},
	"dir":  {Kind: plan.StrayDir, Mode: 0o750, UID: os.Getuid(), GID: os.Getgid()},
	"full": nil, "file": nil, "none": nil,
}

func TestReadStray(t *testing.T) {
	r := openRoot(t, strays(t))
	for name, want := range strayTests {
		for _, dir := range []string{"/d/", "/current/"} {
			live, err := r.Read(dir + name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if (live.Stray == nil) != (want == nil) || want != nil && *live.Stray != *want {
				t.Errorf("%s%s is %+v, want %+v", dir, name, live.Stray, want)
			}
			if obstacle := name != "link" && name != "file" && name != "none"; obstacle != (live.Obstacle != "") {
				t.Errorf("%s%s: obstacle %q", dir, name, live.Obstacle)
			}
		}
	}
	if live, err := r.Read("/current/link"); err != nil || string(live.Data) != "theirs" {
		t.Errorf("through the link: %+v, %v", live, err)
	}
}

// TestReplaceAndRestore: a file takes the place of a stray, and the stray comes back as it was. What it leads to is never touched.
func TestReplaceAndRestore(t *testing.T) {
	dir := strays(t)
	r := openRoot(t, dir)
	for name, s := range strayTests {
		if s == nil {
			continue
		}
		file := filepath.Join(dir, "d", name)
		if err := r.Replace("/current/"+name, *s, []byte("ours"), 0o640, nil); err != nil {
			t.Fatal(err)
		}
		check(t, file, "ours", 0o640)
		if live, err := r.Read("/d/" + name); err != nil || live.Stray != nil {
			t.Errorf("%s: %+v, %v", name, live, err)
		}
		if err := r.Replace("/d/"+name, *s, []byte("again"), 0o644, nil); err == nil || !strings.Contains(err.Error(), "it is not "+s.String()+" any more") {
			t.Errorf("%s: a file was replaced for a stray: %v", name, err)
		}
		for range 2 { // an undo may be cut off, and done again
			if err := r.Restore("/current/"+name, *s); err != nil && s.Kind != plan.StrayDir {
				t.Fatal(err)
			}
			if live, err := r.Read("/d/" + name); err != nil || live.Stray == nil || *live.Stray != *s {
				t.Errorf("%s comes back as %+v, %v", name, live.Stray, err)
			}
		}
	}
	check(t, filepath.Join(dir, "elsewhere/file"), "theirs", 0o644)
	alone(t, filepath.Join(dir, "d"), "circle", "dangling", "device", "dir", "file", "full", "link", "out", "pipe")
}

// TestReplaceOther: what is another thing by then stays as it is.
func TestReplaceOther(t *testing.T) {
	dir := strays(t)
	r := openRoot(t, dir)
	for name, was := range map[string]*plan.Stray{"link": link("other"), "full": strayTests["dir"], "dir": strayTests["pipe"], "file": link("x"), "none": link("x")} {
		if err := r.Replace("/d/"+name, *was, []byte("ours"), 0o644, nil); err == nil {
			t.Errorf("%s was replaced", name)
		}
	}
	if got, err := os.Readlink(filepath.Join(dir, "d/link")); err != nil || got != "../elsewhere/file" {
		t.Errorf("the link holds %q, %v", got, err)
	}
	check(t, filepath.Join(dir, "d/full/file"), "x", 0o644)
}

// TestSweepBeside: what a killed run left beside a link, and beside what it leads to, goes.
func TestSweepBeside(t *testing.T) {
	dir := strays(t)
	left := []string{"d/" + tempName("link"), "elsewhere/" + tempName("file"), "d/" + tempName("out"), "d/" + tempName("pipe")}
	for _, name := range left[:3] {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, left[3]), 0o700); err != nil {
		t.Fatal(err)
	}
	r := openRoot(t, dir)
	if err := errors.Join(r.Sweep("/current/link"), r.Sweep("/d/out"), r.Sweep("/d/pipe"), r.Sweep("/d/none")); err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left", name)
		}
	}
}
