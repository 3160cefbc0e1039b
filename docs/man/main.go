// Command man writes the manual page regsync.yaml(5) to a directory, from the page that describes the file. The pages of the
// commands come from the commands themselves: cmd/regsync, built with the tag man.
//
//	go run ./docs/man DIR
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

const preamble = `% "REGSYNC.YAML" "5" "" "regsync" "regsync"
# NAME
regsync.yaml \- what a node should know about container registries

`

var (
	link    = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)
	heading = regexp.MustCompile(`^#(#+ )`)
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	page, err := os.ReadFile("docs/file.md")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "regsync.yaml.5"), md2man.Render(manual(string(page))), 0o644)
}

// manual gives a page in the form of a manual: its title becomes DESCRIPTION, the rows of its tables become entries, since a terminal
// is too narrow for their columns, and links, which lead nowhere there, become their text.
func manual(page string) []byte {
	var b strings.Builder
	b.WriteString(preamble)
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "<!--"), strings.HasPrefix(line, "|--"), strings.HasPrefix(line, "| ") && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|--"):
			continue
		case strings.HasPrefix(line, "# "):
			line = "# DESCRIPTION"
		case strings.HasPrefix(line, "| "):
			line = entry(line)
		default:
			line = heading.ReplaceAllString(line, "$1")
		}
		b.WriteString(link.ReplaceAllString(line, "$1") + "\n")
	}
	return []byte(b.String())
}

// entry turns a row of a table, | key | value | default | meaning |, or one of two columns, into an entry.
func entry(row string) string {
	row = strings.ReplaceAll(strings.Trim(row, "| "), `\|`, "\x00")
	cells := strings.Split(row, "|")
	for i := range cells {
		cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "\x00", "|")
	}
	term := "**" + strings.Trim(cells[0], "`") + "**"
	if len(cells) == 4 {
		term += ": " + cells[1]
		switch standard := cells[2]; standard {
		case "":
		case "required":
			term += ", required"
		default:
			term += ", default " + standard
		}
	}
	return "\n" + term + "\n: " + cells[len(cells)-1] + "\n"
}
