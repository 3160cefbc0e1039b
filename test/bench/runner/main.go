// Command runner runs a program and prints what it took: nanoseconds of wall time, its peak resident memory in KiB, and
// nanoseconds of processor time; both with those of the programs that it has waited for. It
// is as small as can be, because the kernel counts the parent's memory as the child's peak until the child executes.
//
//	runner PROGRAM ARGUMENT…
package main

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		os.Exit(125)
	}
	begun := time.Now()
	pid, err := syscall.ForkExec(os.Args[1], os.Args[1:], &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), os.Stderr.Fd()},
	})
	if err != nil {
		os.Stderr.WriteString(os.Args[1] + ": " + err.Error() + "\n")
		os.Exit(125)
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	wall := time.Since(begun)
	if err != nil || status.ExitStatus() != 0 {
		os.Exit(1)
	}
	cpu := usage.Utime.Nano() + usage.Stime.Nano()
	os.Stdout.WriteString(strconv.FormatInt(wall.Nanoseconds(), 10) + " " + strconv.FormatInt(usage.Maxrss, 10) + " " + strconv.FormatInt(cpu, 10) + "\n")
}
