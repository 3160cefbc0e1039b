package test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// tree FILE DIR… [-without PATH]…: writes path, type, mode, and content (its hash) or target of everything below to the
// file. What has to be given back byte for byte is described before and after, and compared.
func cmdTree(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: tree FILE DIR… [-without PATH]…")
	}
	var dirs, without []string
	for i := 1; i < len(args); i++ {
		if args[i] == "-without" && i+1 < len(args) {
			i++
			without = append(without, ts.MkAbs(args[i]))
			continue
		}
		dirs = append(dirs, ts.MkAbs(args[i]))
	}
	var all []string
	for _, dir := range dirs {
		lines, err := tree(dir, without...)
		ts.Check(err)
		all = append(all, lines...)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(all, "\n")+"\n"), 0o644))
}

// tree describes everything below dir, a line each, sorted by path, without certain paths and what is below them.
func tree(dir string, without ...string) ([]string, error) {
	var lines []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, left := range without {
			if path == left {
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		holds, err := holds(path, info)
		if err != nil {
			return err
		}
		lines = append(lines, info.Mode().String()+" "+path+holds)
		return nil
	})
	return lines, err
}

// holds describes what a file contains, or a link leads to; empty for everything else.
func holds(path string, info fs.FileInfo) (string, error) {
	switch {
	case info.Mode().IsRegular():
		content, err := os.ReadFile(path)
		return fmt.Sprintf(" %x", sha256.Sum256(content)), err
	case info.Mode().Type() == fs.ModeSymlink:
		target, err := os.Readlink(path)
		return " -> " + target, err
	}
	return "", nil
}

// exits CODE PROGRAM ARGS…: the program ends with exactly this code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, expected %d", strings.Join(args[1:], " "), got, want)
	}
}
