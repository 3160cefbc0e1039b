package fetch

import (
	"os"

	"golang.org/x/sys/unix"
)

// free gives how many bytes an ordinary user could still write into a directory. What the file system keeps back for root is not for archives.
func free(dir *os.Root) (int64, error) {
	f, err := dir.Open(".")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// megabytes rounds up.
func megabytes(n int64) int64 { return (n + 999_999) / 1_000_000 }
