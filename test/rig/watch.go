package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	runtime "runtime"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Call is a system call that a watched program is about to make.
type Call struct {
	Name string // as the kernel calls it: renameat
	Path string // the file that it is about, the new name where there are two; "socket" for a connection; empty where there is none
}

// String says it as a reader would.
func (c Call) String() string { return c.Name + " " + c.Path }

// Verdict says what becomes of a call. The zero Verdict lets it pass.
type Verdict struct {
	Kill  bool          // the program is killed, and the call not made
	Error syscall.Errno // the call is not made, and fails so; 0: it is made
}

// Watched runs a program to its end. Each of its calls that changes a file, connects, sends, signals or starts a program is shown to judge
// before it is made: one after the other, in the order in which they happen, whichever thread makes them. What it writes to its standard
// output and error, and what the programs do that it starts, passes unseen.
//
// The kernel holds the calls back (seccomp_unotify(2)). strace could kill at them too, but it counts each thread's calls for itself,
// and which thread makes a call is Go's scheduler's affair. So a call's number would mean another one in each run.
func Watched(cmd *exec.Cmd, judge func(Call) Verdict) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	theirs := os.NewFile(uintptr(pair[1]), "watched")
	cmd.Args = append([]string{"watched", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/proc/self/exe"
	cmd.Env = append(cmd.Environ(), watchedVariable+"="+strconv.Itoa(3+len(cmd.ExtraFiles)))
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs)
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		unix.Close(pair[0])
		return err
	}
	listener, err := receive(pair[0])
	unix.Close(pair[0])
	if err != nil {
		cmd.Process.Kill()
		return errors.Join(err, cmd.Wait())
	}
	w := &watch{listener: listener, pid: cmd.Process.Pid, judge: judge, threads: map[uint32]bool{}}
	go w.serve() // and on, for what the program has left running
	err = cmd.Wait()
	w.end()
	return err
}

const watchedVariable = "REGSYNC_RIG_WATCHED"

// becomeWatched makes this process, which [Watched] has started, the program that is to be watched. Elsewhere it does nothing.
func becomeWatched() {
	socket, err := strconv.Atoi(os.Getenv(watchedVariable))
	if err != nil {
		return
	}
	os.Unsetenv(watchedVariable)
	runtime.LockOSThread() // the filter is this thread's, and it is this thread that becomes the program
	err = handOver(socket)
	if err == nil {
		err = syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "becoming watched:", err)
	os.Exit(1)
}

// handOver puts the filter in force for this thread and sends its listener through the socket. From then on it is held at the calls that
// are watched, but for sending on the socket.
func handOver(socket int) error {
	if err := unix.Dup3(socket, handOverFD, unix.O_CLOEXEC); err != nil {
		return err
	}
	unix.Close(socket)
	program := filter()
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// Not to be interrupted: a signal would make the call begin anew, and be seen twice.
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	listener, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("watching by seccomp: %w", errno)
	}
	unix.CloseOnExec(int(listener))
	return unix.Sendmsg(handOverFD, []byte{0}, unix.UnixRights(int(listener)), nil, 0)
}

// handOverFD is the descriptor that no program uses otherwise.
const handOverFD = 200

func receive(socket int) (int, error) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), control, 0)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("the program could not be watched: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// watch is a program under watch.
type watch struct {
	listener int
	pid      int
	judge    func(Call) Verdict
	threads  map[uint32]bool // by number: whether it is one of the program's own

	mu    sync.Mutex
	ended bool
}

// notification and response are seccomp_notif and seccomp_notif_resp of linux/seccomp.h.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type response struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

func (w *watch) serve() {
	defer unix.Close(w.listener)
	for {
		ready := []unix.PollFd{{Fd: int32(w.listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			if ready[0].Revents != 0 {
				return // nobody is left who could be watched
			}
			continue
		}
		var n notification
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); errno != 0 {
			continue // it has died since
		}
		verdict := w.decide(n)
		if verdict.Kill {
			unix.Kill(w.pid, unix.SIGKILL)
			continue // it does not come back from this call
		}
		a := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if verdict.Error != 0 {
			a = response{id: n.id, error: -int32(verdict.Error)}
		}
		for again := true; again; {
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&a)))
			again = errno == unix.EINTR
		}
	}
}

// decide judges a call, if it is one of the program's own that is watched.
func (w *watch) decide(n notification) Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	own, known := w.threads[n.pid]
	if !known {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", w.pid, n.pid))
		own = err == nil
		w.threads[n.pid] = own
	}
	if w.ended || !own {
		return Verdict{}
	}
	call, seen := callOf(n)
	if !seen {
		return Verdict{}
	}
	return w.judge(call)
}

// end lets everything pass from now on: the program is gone, and its number may become another's.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// callOf says what a program is about to do; seen is false where that is not a thing of the node's.
func callOf(n notification) (c Call, seen bool) {
	s := watchedCalls[n.nr]
	c.Name = s.name
	switch s.about {
	case noFile:
		return c, true
	case fileName:
		c.Path = textAt(n.pid, n.args[s.at])
		if dir := n.args[s.at-1]; !filepath.IsAbs(c.Path) && int32(dir) != unix.AT_FDCWD {
			c.Path = filepath.Join(fileOf(n.pid, dir), c.Path)
		}
		return c, true
	}
	c.Path = fileOf(n.pid, n.args[s.at])
	if bytes.HasPrefix([]byte(c.Path), []byte("socket:")) {
		c.Path = "socket"
	}
	return c, n.args[s.at] > 2 && (c.Path == "socket" || filepath.IsAbs(c.Path))
}

func fileOf(pid uint32, fd uint64) string {
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, int32(fd)))
	if err != nil {
		return "?"
	}
	return name
}

// textAt reads a string out of the memory of a program.
func textAt(pid uint32, at uint64) string {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return "?"
	}
	defer memory.Close()
	text := make([]byte, unix.PathMax)
	n, err := memory.ReadAt(text, int64(at))
	if n == 0 && err != nil {
		return "?"
	}
	text, _, _ = bytes.Cut(text[:n], []byte{0})
	return string(text)
}
