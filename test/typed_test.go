package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

func init() {
	commands["written"] = cmdWritten
	commands["typed"] = cmdTyped
}

// typed PAGE N: runs the commands of block N of a page as somebody types them, as root, and compares what they say with what is shown.
// One that fails has to be followed by [asking].
func cmdTyped(ts *testscript.TestScript, neg bool, args []string) {
	b := blockOf(ts, args)
	var now []string
	code := 0
	for i := 0; i < len(b.lines); {
		command, shown := commandAt(b.lines, i)
		at := fmt.Sprintf("%s:%d: %s", args[0], b.first+i+1, command)
		if command == "" {
			ts.Fatalf("%sno command stands before %q", at, b.lines[i])
		}
		now = append(now, b.lines[i])
		i += 1 + len(shown)
		said := []string{strconv.Itoa(code)}
		if command != asking {
			said, code = typed(ts, command)
		}
		asked := command == asking || i < len(b.lines) && b.lines[i] == "$ "+asking
		switch {
		case code != 0 && !asked:
			ts.Fatalf("%s: exit code %d\n%s", at, code, strings.Join(said, "\n"))
		case covers(shown, said):
			said = shown
		case os.Getenv("UPDATE") == "" || slices.Contains(shown, "..."):
			ts.Fatalf("%s: says\n%s\nand not\n%s", at, strings.Join(said, "\n"), strings.Join(shown, "\n"))
		}
		now = append(now, said...)
	}
	if !slices.Equal(now, b.lines) {
		ts.Check(rewrite(pageOf(ts, args[0]), blockNumber(ts, args), now))
	}
}

// commandAt is the command in a line of a block, empty where there is none, and the lines that follow until the next.
func commandAt(lines []string, i int) (command string, shown []string) {
	command, _ = strings.CutPrefix(lines[i], "$ ")
	if command == lines[i] {
		return "", nil
	}
	end := i + 1
	for end < len(lines) && !strings.HasPrefix(lines[end], "$ ") {
		end++
	}
	return command, lines[i+1 : end]
}

// asking is how a page shows an exit code.
const asking = "echo $?"

var sudo = regexp.MustCompile(`\bsudo `)

// typed runs a command, and gives the lines that a terminal would show, and the exit code.
func typed(ts *testscript.TestScript, command string) ([]string, int) {
	command = "exec 2>&1; " + sudo.ReplaceAllString(command, "")
	text, err := "", error(nil)
	if n := here(ts); n.systemd != nil {
		text, err = n.besideSystemd(ts, command)
	} else {
		err = ts.Exec("sh", "-c", command)
		text = ts.ReadFile("stdout")
	}
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", command, err)
	}
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil, code
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines, code
}

// besideSystemd runs a command on the node that systemd has booted.
func (n *node) besideSystemd(ts *testscript.TestScript, command string) (string, error) {
	cmd := n.systemd.Command(context.Background(), ts.MkAbs("."), "sh", "-c", command)
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=/root"}
	said, err := cmd.Output()
	ts.Logf("%s", said)
	return string(said), err
}

// varying is what differs from one run to the next on a page, beside what is [changing].
var varying = regexp.MustCompile(`\b[0-9a-f]{16,64}\b|\b[0-9.]+ ?(B|kB|MB|KiB|MiB)\b`)

// took is how long an image took, which is said where it was long enough to be seen.
var took = regexp.MustCompile(` in [0-9.]+ m?s$`)

// covers reports whether shown, in which "..." stands for any lines, is what was said, but for what differs from one run to the next.
func covers(shown, said []string) bool {
	var pattern strings.Builder
	for _, l := range shown {
		if l == "..." {
			pattern.WriteString(`(?:[^\n]*\n)*`)
		} else {
			pattern.WriteString(regexp.QuoteMeta(steady(l)) + "\n")
		}
	}
	now := ""
	for _, l := range said {
		now += steady(l) + "\n"
	}
	return regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(now)
}

func steady(line string) string {
	line = took.ReplaceAllString(line, "")
	line = varying.ReplaceAllString(line, "…")
	for _, c := range changing {
		line = regexp.MustCompile(c.what).ReplaceAllString(line, c.as)
	}
	return line
}

// blockOf reads a block anew from its page: stories that run beside this one may have changed the lines before it.
func blockOf(ts *testscript.TestScript, args []string) block {
	text, err := os.ReadFile(pageOf(ts, args[0]))
	ts.Check(err)
	return blocksOf(string(text))[blockNumber(ts, args)]
}

func blockNumber(ts *testscript.TestScript, args []string) int {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	return n
}

// pageOf is a page by its path from this directory.
func pageOf(ts *testscript.TestScript, page string) string {
	return filepath.Join(ts.Getenv("SOURCE"), "test", page)
}

// rewrite puts other lines in the place of those of block n.
func rewrite(page string, n int, lines []string) error {
	lock := flock.New(page)
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Unlock()
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	b := blocksOf(string(text))[n]
	whole := strings.Split(string(text), "\n")
	whole = slices.Replace(whole, b.first, b.first+len(b.lines), lines...)
	return os.WriteFile(page, []byte(strings.Join(whole, "\n")), 0o644)
}
