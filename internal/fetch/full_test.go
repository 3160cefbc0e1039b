package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// small mounts a file system of 1 MiB on dir, for this goroutine and nobody else.
func small(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		t.Skipf("no mount namespace of our own: %v", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

// TestFull: a disk that is full before the archive is whole gets its space back.
func TestFull(t *testing.T) {
	s := newSite(t, 2<<20)
	dir := t.TempDir()
	small(t, dir)
	_, err := s.fetch(t, new(Client), dir)
	complains(t, err, "3 MB are to come", "has only 1 MB free")

	plenty := Client{free: func(*os.Root) (int64, error) { return 1 << 40, nil }}
	_, err = s.fetch(t, &plenty, dir)
	complains(t, err, "storing "+s.URL+"/a/base.tar in", "make room")
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v is not about space", err)
	}
	if names := names(t, dir); names != nil {
		t.Errorf("%q stay", names)
	}
}

func TestNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, 1)
	_, err := s.fetch(t, new(Client), filepath.Join(file, "archives"))
	complains(t, err, "storing "+s.URL+"/a/base.tar in", "not a directory")
	if len(s.requests()) != 0 {
		t.Error("asked all the same")
	}
}
