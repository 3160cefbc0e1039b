package test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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

// readBack does the same for every certs.d below a root.
func readBack(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || entry.Name() != "certs.d" || strings.HasSuffix(path, "etc/docker/certs.d") {
			return err
		}
		_, err = readCerts(path)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

var portSuffix = regexp.MustCompile(`_(\d+)_$`)

func readCerts(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, entry := range entries {
		host := portSuffix.ReplaceAllString(entry.Name(), ":$1")
		if host == "_default" {
			host = "any.invalid"
		}
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
				fmt.Fprintf(&read, "%s %s %s\n", host, endpoint.URL, strings.Join(endpoint.Capabilities, ","))
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
