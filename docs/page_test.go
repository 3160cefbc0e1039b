package docs_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated, and the sessions, into the pages")

var regsync string // the program

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "regsync-docs-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		regsync = filepath.Join(dir, "regsync")
		if out, err := exec.Command("go", "build", "-o", regsync, "../cmd/regsync").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building regsync: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// pages are the pages, from here.
func pages(t *testing.T) []string {
	t.Helper()
	all := []string{"../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md", "../examples/README.md"}
	for _, pattern := range []string{"*.md", "adr/*.md", "recipes/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no page is %s: %v", pattern, err)
		}
		all = append(all, found...)
	}
	return all
}

// read gives the lines of a page.
func read(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// settle compares a page with what it should be, or writes that.
func settle(t *testing.T, page string, have, want []string) {
	t.Helper()
	if slices.Equal(have, want) {
		return
	}
	if *update {
		if err := os.WriteFile(page, []byte(strings.Join(want, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	i := 0
	for i < len(have) && i < len(want) && have[i] == want[i] {
		i++
	}
	line := func(lines []string) string {
		if i < len(lines) {
			return lines[i]
		}
		return "(its end)"
	}
	t.Errorf("%s:%d: out of date; go generate ./docs writes it anew\n  is:     %s\n  should: %s", page, i+1, line(have), line(want))
}

var (
	link    = regexp.MustCompile(`(?:\]\(|src="|srcset=")([^)\s"]+)`)
	heading = regexp.MustCompile("^#+ (.*)$")
	notWord = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)
)

// TestLinks follows every link that leads to a file of this repository, and to a heading in it.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		for i, text := range read(t, page) {
			for _, m := range link.FindAllStringSubmatch(text, -1) {
				target, anchor, _ := strings.Cut(m[1], "#")
				if strings.Contains(target, "://") {
					continue
				}
				file := page
				if target != "" {
					file = filepath.Join(filepath.Dir(page), target)
				}
				if _, err := os.Stat(file); err != nil {
					t.Errorf("%s:%d: %v", page, i+1, err)
				} else if anchor != "" && !slices.Contains(anchors(t, file), anchor) {
					t.Errorf("%s:%d: %s has no heading #%s", page, i+1, file, anchor)
				}
			}
		}
	}
}

// TestIndex wants each page to be found from docs/README.md, itself or the page of its folder.
func TestIndex(t *testing.T) {
	index := strings.Join(read(t, "README.md"), "\n") + strings.Join(read(t, "recipes/README.md"), "\n")
	for _, page := range pages(t) {
		if dir := filepath.Dir(page); dir != "." && dir != "recipes" || filepath.Base(page) == "README.md" {
			continue
		}
		if !strings.Contains(index, "]("+filepath.Base(page)+")") {
			t.Errorf("the index has no link to %s", page)
		}
	}
}

// anchors are the headings of a page, as links name them.
func anchors(t *testing.T, page string) []string {
	var all []string
	for _, text := range read(t, page) {
		if m := heading.FindStringSubmatch(text); m != nil {
			all = append(all, strings.ReplaceAll(strings.ToLower(notWord.ReplaceAllString(m[1], "")), " ", "-"))
		}
	}
	return all
}
