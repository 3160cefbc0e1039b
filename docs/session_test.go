package docs_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var (
	nodeMark = regexp.MustCompile(`^<!-- node: (\S+) -->$`)
	target   = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// TestSessions runs what the pages show of a terminal: regsync against a node below a temporary directory, of make only
// whether there is such a target.
func TestSessions(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range target.FindAllSubmatch(makefile, -1) {
		targets = append(targets, string(m[1]))
	}
	for _, page := range pages(t) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			s := session{page: page, targets: targets}
			have := read(t, page)
			if slices.Contains(have, "<!-- story") {
				t.Skip("the suite in test tells it, on real components")
			}
			settle(t, page, have, s.walk(t, have))
		})
	}
}

// session is a walk through one page.
type session struct {
	page    string
	targets []string
	root    string // of the node; empty: none yet
	code    int    // exit code of the last command
}

// walk gives the page as it should be.
func (s *session) walk(t *testing.T, have []string) (want []string) {
	for i := 0; i < len(have); i++ {
		line := have[i]
		want = append(want, line)
		if m := nodeMark.FindStringSubmatch(line); m != nil {
			s.root = t.TempDir()
			unpack(t, "../examples/testdata/"+m[1]+".txtar", s.root)
		}
		info, ok := strings.CutPrefix(line, "```")
		if !ok {
			continue
		}
		n := slices.Index(have[i+1:], "```")
		if n < 0 {
			t.Fatalf("%s:%d: the block has no end", s.page, i+1)
		}
		block := have[i+1 : i+1+n]
		switch language, rest, _ := strings.Cut(info, " "); {
		case language == "console" && rest == "run":
			block = s.run(t, i+1, block)
		case language == "console":
			s.known(t, i+1, block)
		case strings.HasPrefix(rest, "/"):
			s.write(t, i+1, rest, block)
		}
		want = append(append(want, block...), "```")
		i += n + 1
	}
	return want
}

// run runs the commands of a block, and gives the block as it should be.
func (s *session) run(t *testing.T, line int, block []string) (want []string) {
	if s.root == "" {
		t.Fatalf("%s:%d: commands are run before a node is named", s.page, line)
	}
	for i := 0; i < len(block); {
		command, ok := strings.CutPrefix(block[i], "$ ")
		if !ok {
			t.Fatalf("%s:%d: output stands before the first command", s.page, line+i+1)
		}
		want = append(want, block[i])
		shown := i + 1
		for i++; i < len(block) && !strings.HasPrefix(block[i], "$ "); i++ {
		}
		said := s.command(t, line+shown, command)
		if slices.Contains(block[shown:i], "...") {
			if !covers(block[shown:i], said) {
				t.Errorf("%s:%d: %s says\n%s", s.page, line+shown, command, strings.Join(said, "\n"))
			}
			said = block[shown:i]
		}
		want = append(want, said...)
	}
	return want
}

// command runs one command and gives the lines of its standard output. Nothing but regsync is ever run, and only with --root.
func (s *session) command(t *testing.T, line int, command string) []string {
	words := strings.Fields(strings.TrimPrefix(command, "sudo "))
	if command == "echo $?" {
		return []string{strconv.Itoa(s.code)}
	}
	if words[0] != "regsync" {
		t.Fatalf("%s:%d: %q cannot be run here", s.page, line, command)
	}
	cmd := exec.Command(regsync, append([]string{"--root", s.root, "--color", "never"}, words[1:]...)...)
	cmd.Dir = ".."
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if s.code = cmd.ProcessState.ExitCode(); s.code == 1 {
		t.Errorf("%s:%d: %s failed:\n%s", s.page, line, command, stderr.String())
	}
	text := strings.ReplaceAll(strings.TrimRight(stdout.String(), "\n"), s.root, "")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// covers reports whether shown, in which "..." stands for any lines, is what was said.
func covers(shown, said []string) bool {
	var pattern strings.Builder
	for _, l := range shown {
		if l == "..." {
			pattern.WriteString(`(?:[^\n]*\n)*`)
		} else {
			pattern.WriteString(regexp.QuoteMeta(l) + "\n")
		}
	}
	return regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(strings.Join(said, "\n") + "\n")
}

// known checks commands that are not run: they are targets of the Makefile.
func (s *session) known(t *testing.T, line int, block []string) {
	for i, l := range block {
		words := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(l, "$ "), "sudo "))
		if len(words) == 0 || !strings.HasPrefix(l, "$ ") {
			continue
		}
		if words[0] != "make" {
			t.Errorf("%s:%d: nobody runs %q", s.page, line+i+1, l)
		} else if len(words) < 2 || !slices.Contains(s.targets, words[1]) {
			t.Errorf("%s:%d: the Makefile has no target for %q", s.page, line+i+1, l)
		}
	}
}

// write writes a file to the node.
func (s *session) write(t *testing.T, line int, name string, block []string) {
	if s.root == "" {
		t.Fatalf("%s:%d: a file is written before a node is named", s.page, line)
	}
	file := filepath.Join(s.root, name)
	text := []byte(strings.Join(block, "\n") + "\n")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, text, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// unpack writes the files of an archive below root; modes do not matter here.
func unpack(t *testing.T, archive, root string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		name, link, isLink := strings.Cut(f.Name, " -> ")
		name, _, _ = strings.Cut(name, " ")
		name = filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if isLink {
			err = errors.Join(err, os.Symlink(link, name))
		} else {
			err = errors.Join(err, os.WriteFile(name, f.Data, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
