package cluster

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// outside gives the command that runs another one outside of the sandbox that we are in, if we are in one. Snaps are started by programs that
// gain privileges, which a process with no_new_privs, and all that it starts, cannot (prctl(2)): systemd, if it is there, starts it for us.
func outside(argv []string) []string {
	confined, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil || confined == 0 {
		return argv
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return argv
	}
	return append([]string{
		"systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--description=" + strings.Join(argv, " ") + ", for regsync",
		"--setenv=PATH=" + os.Getenv("PATH"), "--",
	}, argv...)
}
