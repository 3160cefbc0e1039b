package probe

import (
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// within runs f so that every path it names is one of the file system that is mounted at root: a CA file that a hosts.toml names, a link.
// A thread with a root of its own does that, which ends with it. Where this process may not change the root, f gets the prefix that its
// paths need, and has to do without the paths that files hold.
func within(root string, f func(prefix string)) error {
	if root == "" || root == "/" {
		f("")
		return nil
	}
	failed := make(chan error, 1)
	var fault any
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is of no use to others
		defer func() {
			fault = recover()
			close(failed)
		}()
		if err := enter(root); err != nil {
			failed <- err
			return
		}
		_, _ = x509.SystemCertPool() // loaded once in a process: the node's, not ours
		f("")
	}()
	err := <-failed
	if fault != nil {
		panic(fault)
	}
	if errors.Is(err, unix.EPERM) {
		f(root)
		return nil
	}
	if err != nil {
		return fmt.Errorf("taking %q for the root: %w", root, err)
	}
	return nil
}

// ErrRoot says that a file names another by its path on the node, and that following it takes rights that this process does not have.
var ErrRoot = errors.New("a hosts.toml names files by absolute paths: reading them below another root takes root's rights")

func enter(root string) error {
	err := unix.Unshare(unix.CLONE_FS)
	if err == nil {
		err = unix.Chroot(root)
	}
	if err == nil {
		err = unix.Chdir("/")
	}
	return err
}

// strip takes the prefix off everything that a road says.
func (r *Road) strip(prefix string) {
	if prefix == "" {
		return
	}
	cut := func(s *string) { *s = strings.ReplaceAll(*s, prefix+"/", "/") }
	cut(&r.Directory)
	cut(&r.File)
	cut(&r.Error)
	for i := range r.PassedOver {
		cut(&r.PassedOver[i].Path)
		cut(&r.PassedOver[i].Why)
	}
	for i := range r.Endpoints {
		cut(&r.Endpoints[i].TLS)
	}
	for i := range r.Notes {
		cut(&r.Notes[i])
	}
}
