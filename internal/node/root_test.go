package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tree makes a directory with the given files in it. A name that ends in / is a directory; "-> TARGET" makes a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		target, link := strings.CutPrefix(text, "-> ")
		var err error
		switch {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				break
			}
			if link {
				err = os.Symlink(target, path)
			} else {
				err = os.WriteFile(path, []byte(text), 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openRoot(t *testing.T, dir string) *Root {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestOpen(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a root that is not there: %v", err)
	}
	dir := tree(t, map[string]string{"file": ""})
	if _, err := Open(filepath.Join(dir, "file")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a root that is a file: %v", err)
	}
	t.Chdir(dir)
	if r := openRoot(t, "."); r.Dir() != dir {
		t.Errorf("a relative root is %q, want %q", r.Dir(), dir)
	}
}

func TestResolve(t *testing.T) {
	dir := tree(t, map[string]string{
		"etc/hosts":       "x",
		"etc/rel":         "-> hosts",
		"etc/abs":         "-> /etc/hosts",
		"etc/chain":       "-> rel",
		"etc/up":          "-> ../var/data",
		"var/data/":       "",
		"var/run":         "-> /run",
		"run/here/":       "",
		"etc/through":     "-> /var/run/here/file",
		"run/here/file":   "y",
		"etc/dangling":    "-> nothing",
		"etc/loop":        "-> pool",
		"etc/pool":        "-> loop",
		"etc/self":        "-> self",
		"etc/out":         "-> ../../outside",
		"etc/farout":      "-> ../../../../../../../../../../../../etc/passwd",
		"etc/absout":      "-> /nowhere/at/all",
		"etc/top":         "-> /",
		"etc/around":      "-> ../etc/../etc/hosts",
		"snap/current":    "-> 17",
		"snap/17/args/":   "",
		"etc/dots":        "-> ./././hosts",
		"etc/dir/deeper/": "",
	})
	r := openRoot(t, dir)
	for name, tt := range map[string]struct {
		real    string
		missing []string
		err     error
		leaves  bool
	}{
		"/":                          {real: "/"},
		"/etc/hosts":                 {real: "/etc/hosts"},
		"/etc/../etc//hosts/":        {real: "/etc/hosts"},
		"/../../etc/hosts":           {real: "/etc/hosts"},
		"/etc/rel":                   {real: "/etc/hosts"},
		"/etc/abs":                   {real: "/etc/hosts"},
		"/etc/chain":                 {real: "/etc/hosts"},
		"/etc/around":                {real: "/etc/hosts"},
		"/etc/dots":                  {real: "/etc/hosts"},
		"/etc/up/new":                {real: "/var/data/new"},
		"/etc/up/a/b":                {real: "/var/data/a/b", missing: []string{"/var/data/a"}},
		"/etc/through":               {real: "/run/here/file"},
		"/var/run/here/file":         {real: "/run/here/file"},
		"/etc/top/etc/hosts":         {real: "/etc/hosts"},
		"/etc/dangling":              {real: "/etc/nothing"},
		"/etc/dangling/x":            {real: "/etc/nothing/x", missing: []string{"/etc/nothing"}},
		"/a/b/c":                     {real: "/a/b/c", missing: []string{"/a", "/a/b"}},
		"/snap/current/args/certs/h": {real: "/snap/17/args/certs/h", missing: []string{"/snap/17/args/certs"}},
		"/etc/hosts/x":               {err: syscall.ENOTDIR},
		"/etc/rel/x":                 {err: syscall.ENOTDIR},
		"/etc/loop":                  {err: syscall.ELOOP},
		"/etc/loop/x":                {err: syscall.ELOOP},
		"/etc/self":                  {err: syscall.ELOOP},
		"/etc/out":                   {leaves: true},
		"/etc/out/x":                 {leaves: true},
		"/etc/farout":                {leaves: true},
		"/etc/absout":                {leaves: true},
	} {
		real, missing, err := r.resolve(name)
		var leaves *LeavesError
		if errors.As(err, &leaves) != tt.leaves || !tt.leaves && !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v, leaves: %v", name, err, tt.err, tt.leaves)
			continue
		}
		if err == nil && (real != tt.real || !slices.Equal(missing, tt.missing)) {
			t.Errorf("%s: %q, missing %q; want %q, %q", name, real, missing, tt.real, tt.missing)
		}
		if exists := r.Exists(name); err != nil && exists {
			t.Errorf("%s is said to exist", name)
		}
	}
	if r.Exists("/etc/dangling") || !r.Exists("/etc/abs") || !r.Exists("/var/run/here") || r.Exists("/a") {
		t.Error("Exists does not follow links")
	}
	if got, err := r.Path("/etc/abs"); err != nil || got != filepath.Join(dir, "etc/hosts") {
		t.Errorf("Path gives %q, %v", got, err)
	}
	if !r.IsDir("/etc/up") || r.IsDir("/etc/abs") || r.IsDir("/none") {
		t.Error("IsDir does not follow links")
	}
}

// TestResolveOnTheMachine: with / as the root nothing can lead out.
func TestResolveOnTheMachine(t *testing.T) {
	dir := tree(t, map[string]string{"file": "x", "sub/": "", "rel": "-> ../../../../../../../../../../..", "none": "-> /nowhere/at/all"})
	if err := os.Symlink(filepath.Join(dir, "file"), filepath.Join(dir, "abs")); err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := openRoot(t, "/")
	for name, want := range map[string]string{"abs": filepath.Join(dir, "file"), "rel": "/", "none": "/nowhere/at/all", "sub/x": filepath.Join(dir, "sub/x")} {
		if real, _, err := r.resolve(filepath.Join(dir, name)); err != nil || real != want {
			t.Errorf("%s: %q, %v; want %q", name, real, err, want)
		}
	}
}

func TestRemoveDir(t *testing.T) {
	dir := tree(t, map[string]string{"empty/": "", "full/file": "x", "file": "x"})
	r := openRoot(t, dir)
	for _, name := range []string{"/empty", "/empty/again", "/full", "/file"} {
		if err := r.RemoveDir(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "empty")); err == nil {
		t.Error("the empty directory stays")
	}
	for _, name := range []string{"full/file", "file"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestList(t *testing.T) {
	r := openRoot(t, tree(t, map[string]string{"d/b": "", "d/a": "", "d/.c": "", "l": "-> /d", "f": ""}))
	for _, name := range []string{"/d", "/l"} {
		if got, err := r.List(name); err != nil || !slices.Equal(got, []string{".c", "a", "b"}) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := r.List("/none"); err != nil || got != nil {
		t.Errorf("one that is not there: %q, %v", got, err)
	}
	if _, err := r.List("/f"); err == nil {
		t.Error("a file is listed")
	}
}
