package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestPages tells each page of docs that has a story. What a reader sees is what runs:
//
//	<!-- story          a new story begins: its first lines say what it needs, as those of a txtar do; lines of a story follow
//	<!-- rig            further lines of it, which no reader has to see, and its files; both end with --> on a line of its own
//	```yaml /etc/…      this file is written to the node (of any language)
//	```console          these commands are run; a line "..." stands for any lines that they say
//
// UPDATE=1 writes what the commands say into the page, where no "..." stands.
func TestPages(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	recipes, err := filepath.Glob("../docs/recipes/*.md")
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, page := range append(pages, recipes...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, story := range storiesOf(page, blocksOf(string(text))) {
			told++
			name := strings.TrimSuffix(filepath.Base(page), ".md")
			if i > 0 {
				name = fmt.Sprintf("%s-%d", name, i+1)
			}
			file := filepath.Join(t.TempDir(), name+".txtar")
			if err := os.WriteFile(file, []byte(story), 0o644); err != nil {
				t.Fatal(err)
			}
			release := strings.Join(header(story, "containerd"), "")
			t.Run(name, func(t *testing.T) { tell(t, file, release, header(story, "needs")) })
		}
	}
	if told == 0 {
		t.Fatal("no page has a story")
	}
}

// storiesOf are the stories of a page, as testscript reads them.
func storiesOf(page string, blocks []block) []string {
	var stories, files []string // files: those that a story has beside it
	for i, b := range blocks {
		if b.kind == "story" {
			stories, files = append(stories, ""), append(files, "")
		}
		if len(stories) == 0 {
			continue
		}
		said := ""
		switch b.kind {
		case "story", "rig":
			text := strings.Join(b.lines, "\n") + "\n"
			said = text[:len(text)-len(marked.FindString(text))]
			files[len(files)-1] += marked.FindString(text)
		case "file":
			said = fmt.Sprintf("written %s %d\n", page, i)
		case "console":
			said = fmt.Sprintf("typed %s %d\n", page, i)
		}
		stories[len(stories)-1] += said
	}
	for i := range stories {
		stories[i] += files[i]
	}
	return stories
}

// marked is all from the first file of a txtar on.
var marked = regexp.MustCompile(`(?ms)^-- \S+ --$.*`)

// block is a part of a page.
type block struct {
	kind  string // story, rig, file, console; empty: any other
	info  string // of a file: its path on the node
	first int    // index of its first line in the page
	lines []string
}

// blocksOf finds the blocks of a page.
func blocksOf(text string) []block {
	var all []block
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		b, end := block{first: i + 1}, "```"
		info, fenced := strings.CutPrefix(lines[i], "```")
		language, rest, _ := strings.Cut(info, " ")
		switch {
		case lines[i] == "<!-- story" || lines[i] == "<!-- rig":
			b.kind, end = strings.TrimPrefix(lines[i], "<!-- "), "-->"
		case !fenced:
			continue
		case strings.HasPrefix(rest, "/"):
			b.kind, b.info = "file", rest
		case language == "console":
			b.kind = "console"
		}
		n := slices.Index(lines[i+1:], end)
		if n < 0 {
			n = len(lines) - i - 1
		}
		b.lines = lines[i+1 : i+1+n]
		all = append(all, b)
		i += n + 1
	}
	return all
}

// written PAGE N: writes the file that block N of a page shows, and makes its directory.
func cmdWritten(ts *testscript.TestScript, neg bool, args []string) {
	b := blockOf(ts, args)
	ts.Check(os.MkdirAll(filepath.Dir(b.info), 0o755))
	settle(ts, neg, os.WriteFile(b.info, []byte(strings.Join(b.lines, "\n")+"\n"), 0o644))
}
