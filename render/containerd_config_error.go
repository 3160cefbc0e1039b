package render

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// ConfigError says what is wrong with containerd's config, and where. The name of the file is the caller's to add.
type ConfigError struct {
	Line, Col int // from 1, the column in bytes; 0: the whole file
	Message   string
	Hint      string // what to do about it; may be empty
}

// Error gives "LINE:COL: MESSAGE".
func (e *ConfigError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Message)
}

// lineCol gives the place of an offset in data.
func lineCol(data []byte, offset int) (line, col int) {
	lead := string(data[:offset])
	return strings.Count(lead, "\n") + 1, len(lead) - strings.LastIndexByte(lead, '\n')
}

// typographic are the quotes that word processors and web pages put in place of " and '.
const typographic = "“”„‟«»‘’‚‛"

// tomlError makes a *ConfigError of what go-toml says about data.
func tomlError(data []byte, err error) error {
	e := &ConfigError{Message: strings.TrimPrefix(err.Error(), "toml: ")}
	var decode *toml.DecodeError
	if !errors.As(err, &decode) {
		// A key or table that is defined twice: go-toml gives no position.
		e.Line, e.Col = firstInvalidLine(data), 1
		e.Hint = "containerd does not start with this file: join the two definitions"
		return e
	}
	e.Line, e.Col = decode.Position()
	lines := strings.SplitAfter(string(data), "\n")
	if e.Line < 1 || e.Line > len(lines) {
		return e
	}
	if at := strings.IndexAny(lines[e.Line-1], typographic); at >= 0 {
		quote, _ := utf8.DecodeRuneInString(lines[e.Line-1][at:])
		e.Col = at + 1
		e.Message = fmt.Sprintf("typographic quote %c: TOML knows only \" and '", quote)
		e.Hint = `containerd does not start with this file: write " in place of each typographic quote`
	}
	return e
}

// firstInvalidLine gives the line up to which data must be read for the error to show, for errors that last once they are there.
func firstInvalidLine(data []byte) int {
	lines := strings.SplitAfter(string(data), "\n")
	return 1 + sort.Search(len(lines)-1, func(n int) bool {
		err := toml.Unmarshal([]byte(strings.Join(lines[:n+1], "")), new(map[string]any))
		var decode *toml.DecodeError
		return err != nil && !errors.As(err, &decode) // an array that is cut in the middle is no such error
	})
}
