package test

import (
	"errors"
	"os/exec"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// await CODE PROGRAM ARGS…: runs a program again and again until it exits with CODE.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: await CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	end := time.Now().Add(time.Minute)
	for {
		got := 0
		err := ts.Exec(args[1], args[2:]...)
		if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
			got, err = ended.ExitCode(), nil
		}
		ts.Check(err)
		if got == want {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q still exits with %d, expected %d", args[1:], got, want)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
