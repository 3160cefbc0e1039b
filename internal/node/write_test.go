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

	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/plan"
)

func check(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil || string(data) != text {
		t.Errorf("%s holds %q, %v; want %q", name, data, err, text)
	}
	info, err := os.Stat(name)
	if err != nil || mode != 0 && info.Mode() != mode {
		t.Errorf("%s: mode %v, %v; want %v", name, info.Mode(), err, mode)
	}
}

// alone makes sure that only these are in a directory: no temporary file is left.
func alone(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}

func TestWrite(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // a mode is what it is said to be, whatever the umask
	dir := tree(t, map[string]string{"old": "old", "closed": "old", "current": "-> 17", "17/": "", "link": "-> /old"})
	if err := os.Chmod(filepath.Join(dir, "closed"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := openRoot(t, dir)
	for _, w := range []struct {
		name, text string
		mode       fs.FileMode
		owner      *plan.Original
	}{
		{"/new", "new", 0o644, nil},
		{"/closed", "kept closed", 0, nil},
		{"/old", "", 0o640, nil},
		{"/link", "through a link", 0, nil},
		{"/current/a/b/new", "deep", 0o600, &plan.Original{UID: os.Getuid(), GID: os.Getgid()}},
	} {
		if err := r.Write(w.name, []byte(w.text), w.mode, w.owner); err != nil {
			t.Fatal(err)
		}
	}
	check(t, filepath.Join(dir, "new"), "new", 0o644)
	check(t, filepath.Join(dir, "closed"), "kept closed", 0o600)
	check(t, filepath.Join(dir, "old"), "through a link", 0o640)
	check(t, filepath.Join(dir, "17/a/b/new"), "deep", 0o600)
	if info, err := os.Lstat(filepath.Join(dir, "link")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info, err := os.Stat(filepath.Join(dir, "17/a/b")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("a directory that was made has mode %v: containerd may run as somebody else", info.Mode())
	}
	alone(t, dir, "17", "closed", "current", "link", "new", "old")

	for _, name := range []string{"/new", "/new", "/current/a/b/new", "/none/at/all"} { // once more is no error
		if err := r.Write(name, nil, 0, nil); err != nil {
			t.Error(err)
		}
	}
	alone(t, dir, "17", "closed", "current", "link", "old")
	if err := errors.Join(r.RemoveDir("/current/a/b"), r.RemoveDir("/current/a")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "17/a")); err == nil {
		t.Error("the directories stay")
	}
}

func TestWriteOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("another owner needs root")
	}
	dir := tree(t, map[string]string{"old": "old"})
	if err := os.Chown(filepath.Join(dir, "old"), 1234, 2345); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "old"), 0o4750); err != nil && !errors.Is(err, fs.ErrPermission) {
		t.Fatal(err)
	}
	if err := unix.Chmod(filepath.Join(dir, "old"), 0o4750); err != nil {
		t.Fatal(err)
	}
	r := openRoot(t, dir)
	live, err := r.Read("/old")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write("/old", []byte("new"), 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Write("/back", []byte("back"), live.Mode, &plan.Original{UID: live.UID, GID: live.GID}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "back"} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, name), &st); err != nil || st.Uid != 1234 || st.Gid != 2345 || st.Mode&0o7777 != 0o4750 {
			t.Errorf("%s: %d:%d %04o, %v", name, st.Uid, st.Gid, st.Mode&0o7777, err)
		}
	}
}

func TestWriteAttributes(t *testing.T) {
	dir := tree(t, map[string]string{"old": "old"})
	old := filepath.Join(dir, "old")
	for name, value := range map[string]string{"user.note": "keep me", "user.empty": ""} {
		if err := unix.Setxattr(old, name, []byte(value), 0); err != nil {
			t.Skipf("this file system has no extended attributes: %v", err)
		}
	}
	if err := openRoot(t, dir).Write("/old", []byte("new"), 0, nil); err != nil {
		t.Fatal(err)
	}
	check(t, old, "new", 0o644)
	value := make([]byte, 100)
	n, err := unix.Getxattr(old, "user.note", value)
	if err != nil || string(value[:n]) != "keep me" {
		t.Errorf("the attribute is %q, %v", value[:max(n, 0)], err)
	}
	if _, err := unix.Getxattr(old, "user.empty", value); err != nil {
		t.Errorf("the empty attribute: %v", err)
	}
}

// TestWriteHardLink: a file is replaced, so its other name keeps what it had. Nothing is written into what others hold.
func TestWriteHardLink(t *testing.T) {
	dir := tree(t, map[string]string{"one": "old"})
	if err := os.Link(filepath.Join(dir, "one"), filepath.Join(dir, "two")); err != nil {
		t.Fatal(err)
	}
	if err := openRoot(t, dir).Write("/one", []byte("new"), 0, nil); err != nil {
		t.Fatal(err)
	}
	check(t, filepath.Join(dir, "one"), "new", 0o644)
	check(t, filepath.Join(dir, "two"), "old", 0o644)
}

func TestWriteFails(t *testing.T) {
	dir := tree(t, map[string]string{"file": "x", "dir/": "", "full/x": ""})
	r := openRoot(t, dir)
	for _, name := range []string{"/file/below", "/dir"} {
		if err := r.Write(name, []byte("y"), 0o644, nil); err == nil || !strings.Contains(err.Error(), `writing "`+name+`"`) {
			t.Errorf("writing %s: %v", name, err)
		}
	}
	if err := r.Write("/full", nil, 0, nil); err == nil || !strings.Contains(err.Error(), `removing "/full"`) {
		t.Errorf("removing a directory: %v", err)
	}
	alone(t, dir, "dir", "file", "full")
}
