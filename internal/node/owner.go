package node

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// OpenTo says who but root may write into a directory, and so decide what stands there; it is empty where nobody may, or where that cannot
// be known. A group is not asked about: MicroK8s gives its own the right to.
func (r *Root) OpenTo(dir string) string {
	fd, err := r.reach(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	switch err := unix.Fstat(fd, &st); {
	case err != nil:
		return ""
	case st.Mode&unix.S_IWOTH != 0:
		return "anybody"
	case !r.trusts(st.Uid):
		return fmt.Sprintf("user %d", st.Uid)
	}
	return ""
}
