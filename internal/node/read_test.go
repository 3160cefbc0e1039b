package node

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	dir := tree(t, map[string]string{
		"file": "text", "empty": "", "dir/": "", "link": "-> /file", "dangling": "-> /dir/none", "loop": "-> loop",
		"snap/current": "-> 17", "snap/17/args/": "",
	})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for root, at := range map[string]string{dir: "", "/": dir} { // below a root, and as the machine itself
		r := openRoot(t, root)
		for name, tt := range map[string]struct {
			data     string
			absent   bool
			missing  []string
			obstacle string
		}{
			"/file":                      {data: "text"},
			"/empty":                     {},
			"/dir":                       {absent: true, obstacle: "is a directory"},
			"/pipe":                      {absent: true, obstacle: "is a named pipe"},
			"/sock":                      {absent: true, obstacle: "is a socket"},
			"/file/below":                {absent: true, obstacle: "cannot be there: a directory above it is a file"},
			"/none":                      {absent: true},
			"/a/b/c":                     {absent: true, missing: []string{"/a", "/a/b"}},
			"/snap/current/args/certs/h": {absent: true, missing: []string{"/snap/current/args/certs"}},
			"/snap/current/args/c/d/h":   {absent: true, missing: []string{"/snap/current/args/c", "/snap/current/args/c/d"}},
		} {
			live, err := r.Read(at + name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var missing []string
			for _, m := range live.Missing {
				missing = append(missing, strings.TrimPrefix(m, at))
			}
			if string(live.Data) != tt.data || (live.Data == nil) != tt.absent || live.Obstacle != tt.obstacle || !slices.Equal(missing, tt.missing) {
				t.Errorf("root %s, %s: %+v, want %+v", root, name, live, tt)
			}
		}
		if live, err := r.Read(at + "/loop"); err != nil || !strings.HasSuffix(live.Obstacle, "too many levels of symbolic links") {
			t.Errorf("root %s: a link to itself: %+v, %v", root, live, err)
		}
	}
	r := openRoot(t, dir)
	if live, err := r.Read("/link"); err != nil || string(live.Data) != "text" {
		t.Errorf("a link: %+v, %v", live, err)
	}
	// Below a root an absolute link to nothing cannot be told from one that leads out.
	if live, err := r.Read("/dangling"); err != nil || !strings.HasSuffix(live.Obstacle, "which leads out of the root") {
		t.Errorf("a dangling link: %+v, %v", live, err)
	}
}

func TestReadDangling(t *testing.T) {
	r := openRoot(t, tree(t, map[string]string{"d/link": "-> none"}))
	live, err := r.Read("/d/link")
	if err != nil || !strings.Contains(live.Obstacle, `symbolic link to "/d/none", which is not there`) {
		t.Errorf("%+v, %v", live, err)
	}
}

func TestReadMode(t *testing.T) {
	dir := tree(t, map[string]string{"file": "x"})
	if err := os.Chmod(filepath.Join(dir, "file"), 0o640); err != nil {
		t.Fatal(err)
	}
	live, err := openRoot(t, dir).Read("/file")
	if err != nil || live.Mode != 0o640 || live.UID != os.Getuid() || live.GID != os.Getgid() {
		t.Errorf("%+v, %v", live, err)
	}
}

func TestReadDevice(t *testing.T) {
	live, err := openRoot(t, "/").Read("/dev/null")
	if err != nil || live.Obstacle != "is a device" {
		t.Errorf("%+v, %v", live, err)
	}
}

func TestReadHuge(t *testing.T) {
	dir := tree(t, map[string]string{"file": "x"})
	if err := os.Truncate(filepath.Join(dir, "file"), maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := openRoot(t, dir).Read("/file"); err == nil || !strings.Contains(err.Error(), `reading "/file"`) {
		t.Errorf("error %v", err)
	}
}

func TestReadUnreadable(t *testing.T) {
	dir := tree(t, map[string]string{"file": "x"})
	if err := os.Chmod(filepath.Join(dir, "file"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := openRoot(t, dir).Read("/file")
	switch {
	case os.Geteuid() == 0 && err != nil:
		t.Errorf("root cannot read it: %v", err)
	case os.Geteuid() != 0 && (!errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), `reading "/file"`)):
		t.Errorf("error %v", err)
	}
}

// TestReadStaysInside: whatever links say, no byte from outside the root is read.
func TestReadStaysInside(t *testing.T) {
	outside := tree(t, map[string]string{"secret": "secret"})
	dir := tree(t, map[string]string{"abs": "-> " + outside + "/secret", "rel": "-> ../../../../../../../../../.." + outside + "/secret", "d": "-> " + outside})
	r := openRoot(t, dir)
	for _, name := range []string{"/abs", "/rel", "/d/secret"} {
		live, err := r.Read(name)
		if leaves := (*LeavesError)(nil); live.Data != nil || live.Obstacle == "" && !errors.As(err, &leaves) {
			t.Errorf("%s: %+v, %v", name, live, err)
		}
		if err := r.Write(name, []byte("x"), 0o644, nil); err == nil {
			t.Errorf("%s was written", name)
		}
		if err := r.Write(name, nil, 0, nil); err == nil {
			t.Errorf("%s was removed", name)
		}
	}
	if names, err := r.List("/d"); err == nil {
		t.Errorf("listed %q", names)
	}
	if data, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(data) != "secret" {
		t.Errorf("outside: %q, %v", data, err)
	}
}
