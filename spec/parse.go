package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document is one file, parsed, with the right apiVersion and kind.
type document struct {
	file string
	root *yaml.Node // a mapping
}

// stdin is how standard input is called in positions.
const stdin = "<stdin>"

// parse parses a file. It says what is wrong with it as a whole; it is not ok if nothing else needs to be looked at.
func (t *tree) parse(src Source) (document, bool) {
	file := src.Name
	if file == "-" {
		file = stdin
	}
	say := func(at Position, hint, message string) (document, bool) {
		t.problems = append(t.problems, &Problem{Position: at, Message: message, Hint: hint})
		t.partial = true
		return document{}, false
	}
	data := bytes.TrimPrefix(src.Data, []byte("\ufeff"))
	if at, what := unreadable(data); what != "" {
		at.File = file
		return say(at, "", what)
	}
	nodes, err := nodes(data)
	if err != nil {
		at, message, hint := syntax(data, err)
		at.File = file
		return say(at, hint, message)
	}
	if len(nodes) == 0 || nodes[0].Tag == "!!null" {
		return say(Position{file, 1, 1}, "it begins with apiVersion: "+Version+" and kind: "+Kind, "the file is empty")
	}
	root := nodes[0]
	if len(nodes) > 1 {
		return say(Position{file, nodes[1].Line, nodes[1].Column}, "make each a file of its own",
			"the file holds a second YAML document")
	}
	if root.Kind != yaml.MappingNode {
		return say(Position{file, root.Line, root.Column}, "it begins with apiVersion: "+Version+" and kind: "+Kind,
			"the file is "+describe(root)+" and should be a mapping")
	}
	t.from(root, origin{file: file})
	before := t.root
	t.root = root
	ok := t.header(root)
	t.root = before
	t.partial = t.partial || !ok
	return document{file, root}, ok
}

// nodes parses YAML. Of further documents only such as are not empty are returned.
func nodes(data []byte) (roots []*yaml.Node, err error) {
	// The parser is fuzzed, and recovers from its own failures. The user's file shall not end the program if it misses one.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		if err := d.Decode(&n); errors.Is(err, io.EOF) {
			return roots, nil
		} else if err != nil {
			return nil, err
		}
		if len(n.Content) == 0 || (len(roots) > 0 && n.Content[0].Tag == "!!null") {
			continue
		}
		if roots = append(roots, n.Content[0]); len(roots) == 2 {
			return roots, nil
		}
	}
}

// unreadable finds the first byte that no YAML file may hold.
func unreadable(data []byte) (at Position, what string) {
	line, start := 1, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\n':
			line, start = line+1, i+1
		case c == 0 && i < 4:
			return Position{Line: 1, Col: 1}, "the file is not UTF-8 text"
		case c < ' ' && c != '\t' && (c != '\r' || i+1 == len(data) || data[i+1] != '\n'), c == 0x7f:
			return Position{Line: line, Col: utf8.RuneCount(data[start:i]) + 1}, fmt.Sprintf("the file holds the control character 0x%02x", c)
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size == 1 {
				return Position{Line: line, Col: utf8.RuneCount(data[start:i]) + 1}, fmt.Sprintf("the file is not UTF-8 text: byte 0x%02x", c)
			}
			// Line ends for YAML, and for no editor. Past them lines could not be counted as the user does.
			if r == '\u0085' || r == '\u2028' || r == '\u2029' {
				return Position{Line: line, Col: utf8.RuneCount(data[start:i]) + 1}, fmt.Sprintf("the file holds the line separator %U", r)
			}
			i += size - 1
		}
	}
	return Position{}, ""
}

var syntaxLine = pattern(`^line (\d+): `)

// syntax makes a problem of what the YAML parser says. It names lines only, and of some errors not even these.
func syntax(data []byte, err error) (at Position, message, hint string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	at = Position{Line: 1, Col: 1}
	if m := syntaxLine().FindStringSubmatch(message); m != nil {
		at.Line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
		// Errors of its parser, unlike those of its scanner, count lines from zero.
		if strings.HasPrefix(message, "did not find expected") {
			at.Line++
		}
	}
	all := bytes.Split(data, []byte("\n"))
	at.Line = max(1, min(at.Line, len(all)))
	for i := max(0, at.Line-2); i < min(len(all), at.Line+1); i++ {
		line := all[i]
		blank := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if tab := bytes.IndexByte(blank, '\t'); tab >= 0 {
			return Position{Line: i + 1, Col: tab + 1}, "not YAML: the line is indented with a tab", "YAML is indented with spaces"
		}
		if star := bytes.Index(line, []byte("registry: *")); star >= 0 && hint == "" {
			at = Position{Line: i + 1, Col: utf8.RuneCount(line[:star]) + 11}
			hint = `write "*" in quotes: a bare * is an alias in YAML`
		}
	}
	if hint == "" && strings.Contains(message, "unknown anchor") {
		hint = "a value that begins with * must be in quotes"
		name := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(message, "unknown anchor"), "referenced"), " '")
		for i, line := range all {
			if star := bytes.Index(line, []byte("*"+name)); star >= 0 {
				at = Position{Line: i + 1, Col: utf8.RuneCount(line[:star]) + 1}
				break
			}
		}
	}
	if at.Col == 1 {
		line := all[at.Line-1]
		at.Col = len(line) - len(bytes.TrimLeft(line, " ")) + 1
	}
	return at, "not YAML: " + message, hint
}
