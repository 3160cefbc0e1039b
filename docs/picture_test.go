package docs_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	escapes = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	spaces  = regexp.MustCompile(`(?m) +$`) // which no picture shows
)

// TestPicture reads what README's picture shows, for both grounds: it is the command, and what was recorded of it. That the recording is what the
// program says now, on a real node, is for the suite in test.
func TestPicture(t *testing.T) {
	recorded, err := os.ReadFile("picture/plan.ansi")
	if err != nil {
		t.Fatal(err)
	}
	want := "$ sudo regsync plan\n" + strings.TrimRight(spaces.ReplaceAllString(escapes.ReplaceAllString(string(recorded), ""), ""), "\n")
	for _, name := range []string{"picture/plan-light.svg", "picture/plan-dark.svg"} {
		if got := drawn(t, name); got != want {
			t.Errorf("%s shows\n%s\nand is to show\n%s\nmake picture draws it anew", name, got, want)
		}
	}
}

// drawn gives the lines of text in a picture of a terminal, by where each piece stands; the window's title is left out.
func drawn(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []string
	height := 0.0
	for decoder := xml.NewDecoder(file); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return strings.TrimRight(strings.Join(lines, "\n"), "\n")
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "text" {
			continue
		}
		var text string
		if err := decoder.DecodeElement(&text, &start); err != nil {
			t.Fatal(err)
		}
		length := number(start, "textLength")
		if length == 0 || text == "\n" {
			continue // the title, the end of a line
		}
		text = strings.ReplaceAll(text, "\u00a0", " ")
		if height == 0 {
			height = number(start, "y") // of the first line
		}
		line, column := int((number(start, "y")-height)/(1.22*height)+0.5), int(number(start, "x")/(length/float64(len([]rune(text))))+0.5)
		for len(lines) <= line {
			lines = append(lines, "")
		}
		lines[line] += strings.Repeat(" ", column-len([]rune(lines[line]))) + text
	}
}

// number is an attribute's, 0 where there is none.
func number(e xml.StartElement, name string) float64 {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			n, _ := strconv.ParseFloat(a.Value, 64)
			return n
		}
	}
	return 0
}
