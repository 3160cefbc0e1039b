package runtime

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Environment gives the environment that a process was started with, as NAME to value.
func Environment(pid int) (map[string]string, error) {
	name := fmt.Sprintf("/proc/%d/environ", pid)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	all := map[string]string{}
	for part := range bytes.SplitSeq(data, []byte{0}) {
		if name, value, ok := strings.Cut(string(part), "="); ok {
			all[name] = value
		}
	}
	return all, nil
}

// listen is the state of a socket that waits for connections, in the tables of proc_net_tcp(5).
const listen = "0A"

// Listening gives the local TCP ports that are listened on, out of tables such as /proc/net/tcp. Where none can be read it is nil.
func Listening(tables ...string) map[int]bool {
	var ports map[int]bool
	for _, table := range tables {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		if ports == nil {
			ports = map[int]bool{}
		}
		for line := range strings.Lines(string(data)) {
			fields := strings.Fields(line)
			if len(fields) < 4 || fields[3] != listen {
				continue
			}
			_, port, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseUint(port, 16, 16); err == nil {
				ports[int(n)] = true
			}
		}
	}
	return ports
}
