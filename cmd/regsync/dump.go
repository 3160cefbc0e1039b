package main

import "golang.org/x/sys/unix"

// noDump keeps the memory of this process, in which passwords may stand, out of core dumps and away from other processes of the same
// user (prctl(2), PR_SET_DUMPABLE). Where the kernel does not let us, nothing else is worse for it.
func noDump() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
