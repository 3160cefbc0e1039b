package test

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/internal/loader"
)

// majors are those of containerd whose loaders must read alike what regsync writes.
var majors = []int{1, 2}

// hosts-read DIR: containerd's own loaders read every directory of a certs.d without a word, and all find the same
// endpoints, at least one. Prints them: HOST URL CAPABILITIES.
func cmdHostsRead(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: hosts-read DIR")
	}
	lines, err := readCerts(ts.MkAbs(args[0]))
	for _, line := range lines {
		fmt.Fprintln(ts.Stdout(), line)
	}
	settle(ts, neg, err)
}

func readCerts(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, entry := range entries {
		host := loader.Host(entry.Name())
		var first string
		for _, major := range majors {
			found, err := loader.Load(major, dir, host)
			if err != nil {
				return lines, fmt.Errorf("containerd %d.x, %q: %w", major, host, err)
			}
			if !found.Sound() {
				return lines, fmt.Errorf("containerd %d.x does not read %q whole: %q %s", major, host, found.Logged, found.Panic)
			}
			var read strings.Builder
			for _, endpoint := range found.Endpoints {
				// Where nothing is said, 2.2 adds a capability that 1.x does not know.
				can := slices.DeleteFunc(slices.Clone(endpoint.Capabilities), func(c string) bool { return c == "referrers" })
				fmt.Fprintf(&read, "%s %s %s\n", host, endpoint.URL, strings.Join(can, ","))
			}
			if major == majors[0] {
				first = read.String()
				lines = append(lines, strings.TrimSuffix(first, "\n"))
			} else if read.String() != first {
				return lines, fmt.Errorf("containerd %d.x and %d.x read %q differently: %q, %q", majors[0], major, host, first, read.String())
			}
		}
	}
	return lines, nil
}
