package rig

import "golang.org/x/sys/unix"

// What an argument of a call names.
type about int

const (
	openFile about = iota
	fileName       // the argument before it is the directory
	noFile
)

// watchedCall is a system call that is watched: its name, and which argument says what it is about.
type watchedCall struct {
	name  string
	about about
	at    int
}

// watchedCalls are the calls by which a program changes something outside of itself. Of openat only those that may write are watched, of
// clone only those that start a process.
var watchedCalls = map[int32]watchedCall{
	unix.SYS_OPENAT:            {"openat", fileName, 1},
	unix.SYS_WRITE:             {"write", openFile, 0},
	unix.SYS_PWRITE64:          {"pwrite64", openFile, 0},
	unix.SYS_WRITEV:            {"writev", openFile, 0},
	unix.SYS_COPY_FILE_RANGE:   {"copy_file_range", openFile, 2},
	unix.SYS_FTRUNCATE:         {"ftruncate", openFile, 0},
	unix.SYS_FALLOCATE:         {"fallocate", openFile, 0},
	unix.SYS_FSYNC:             {"fsync", openFile, 0},
	unix.SYS_FDATASYNC:         {"fdatasync", openFile, 0},
	unix.SYS_FCHMOD:            {"fchmod", openFile, 0},
	unix.SYS_FCHMODAT:          {"fchmodat", fileName, 1},
	unix.SYS_FCHOWN:            {"fchown", openFile, 0},
	unix.SYS_FCHOWNAT:          {"fchownat", fileName, 1},
	unix.SYS_FSETXATTR:         {"fsetxattr", openFile, 0},
	unix.SYS_MKDIRAT:           {"mkdirat", fileName, 1},
	unix.SYS_UNLINKAT:          {"unlinkat", fileName, 1},
	unix.SYS_RENAMEAT:          {"renameat", fileName, 3},
	unix.SYS_RENAMEAT2:         {"renameat2", fileName, 3},
	unix.SYS_LINKAT:            {"linkat", fileName, 3},
	unix.SYS_SYMLINKAT:         {"symlinkat", fileName, 2},
	unix.SYS_CONNECT:           {"connect", openFile, 0},
	unix.SYS_SENDTO:            {"sendto", openFile, 0},
	unix.SYS_SENDMSG:           {"sendmsg", openFile, 0},
	unix.SYS_CLONE:             {"clone", noFile, 0},
	unix.SYS_KILL:              {"kill", noFile, 0},
	unix.SYS_PIDFD_SEND_SIGNAL: {"pidfd_send_signal", noFile, 0},
}

// filter is the classic BPF program that tells the watched calls from others: seccomp(2), struct seccomp_data. It reads the lower
// halves of arguments only, as both architectures are little-endian.
func filter() []unix.SockFilter {
	const argument = 16 // offset of the first one
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	answer := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	unless := func(op uint16, k uint32, skip uint8) unix.SockFilter { // op does not hold: skip so many
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jf: skip}
	}
	notify, allow := answer(unix.SECCOMP_RET_USER_NOTIF), answer(unix.SECCOMP_RET_ALLOW)
	program := []unix.SockFilter{load(0)}
	for nr := range watchedCalls {
		switch nr {
		case unix.SYS_OPENAT:
			const writes = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
			program = append(program, unless(unix.BPF_JEQ, uint32(nr), 4), load(argument+2*8), unless(unix.BPF_JSET, writes, 1), notify, allow)
		case unix.SYS_CLONE:
			program = append(program, unless(unix.BPF_JEQ, uint32(nr), 4), load(argument), unless(unix.BPF_JSET, unix.CLONE_THREAD, 1), allow, notify)
		case unix.SYS_SENDMSG:
			program = append(program, unless(unix.BPF_JEQ, uint32(nr), 4), load(argument), unless(unix.BPF_JEQ, handOverFD, 1), allow, notify)
		default:
			program = append(program, unless(unix.BPF_JEQ, uint32(nr), 1), notify)
		}
	}
	return append(program, allow)
}
