package probe

import (
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// within runs f so that every path it names is one of the file system that is mounted at root: a CA file that a hosts.toml names, a link.
// A thread with a root of its own does that, which ends with it. It takes the right to change the root.
func within(root string, f func()) error {
	if root == "" || root == "/" {
		f()
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
			failed <- fmt.Errorf("taking %q for the root: %w", root, err)
			return
		}
		_, _ = x509.SystemCertPool() // loaded once in a process: the node's, not ours
		f()
	}()
	err := <-failed
	if fault != nil {
		panic(fault)
	}
	return err
}

// ErrRoot says that another root takes rights that this process does not have.
var ErrRoot = errors.New("it takes root's rights")

func enter(root string) error {
	err := unix.Unshare(unix.CLONE_FS)
	if err == nil {
		err = unix.Chroot(root)
	}
	if err == nil {
		err = unix.Chdir("/")
	}
	if errors.Is(err, unix.EPERM) {
		return ErrRoot
	}
	return err
}
