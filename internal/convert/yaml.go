package convert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// maxDepth is more than any of the formats nests; beyond it can only be a cycle of aliases.
const maxDepth = 32

// documents parses YAML into its documents.
func (s *source) documents(data []byte) (roots []*yaml.Node) {
	defer func() {
		if r := recover(); r != nil { // the parser is fuzzed and recovers itself, but it is not ours
			s.report(1, 1, "not YAML: %v", r)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.notYAML(err)
			return nil
		}
		if len(n.Content) == 0 || n.Content[0].Tag == "!!null" {
			continue
		}
		if deep(n.Content[0], 0) {
			s.report(n.Line, n.Column, "it nests deeper than such a file ever does")
			return nil
		}
		roots = append(roots, n.Content[0])
	}
	if roots == nil {
		s.report(1, 1, "the file is empty")
	}
	return roots
}

var syntaxLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^line (\d+): `) })

func (s *source) notYAML(err error) {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := syntaxLine().FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	s.report(max(line, 1), 1, "not YAML: %s", message)
}

func deep(n *yaml.Node, depth int) bool {
	if depth > maxDepth {
		return true
	}
	if n.Kind == yaml.AliasNode {
		return deep(n.Alias, depth+1)
	}
	for _, c := range n.Content {
		if deep(c, depth+1) {
			return true
		}
	}
	return false
}

func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// keys calls f for each key of a mapping. What is none is a problem; nothing at all (null) is a mapping without keys.
func (s *source) keys(n *yaml.Node, what string, f func(key string, at, value *yaml.Node)) {
	n = target(n)
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		s.report(n.Line, n.Column, "%s should be a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := target(n.Content[i])
		switch {
		case key.Kind != yaml.ScalarNode:
			s.report(key.Line, key.Column, "a key of %s is no text", what)
		case seen[key.Value]:
			s.report(key.Line, key.Column, "%q stands twice in %s", key.Value, what)
		default:
			seen[key.Value] = true
			f(key.Value, n.Content[i], target(n.Content[i+1]))
		}
	}
}

// list calls f for each element of a list; nothing at all is an empty one.
func (s *source) list(n *yaml.Node, what string, f func(n *yaml.Node)) {
	n = target(n)
	if n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		s.report(n.Line, n.Column, "%s should be a list", what)
		return
	}
	for _, c := range n.Content {
		f(target(c))
	}
}

// text gives a scalar as text.
func (s *source) text(n *yaml.Node, what string) string {
	n = target(n)
	if n.Kind != yaml.ScalarNode {
		s.report(n.Line, n.Column, "%s should be text", what)
		return ""
	}
	if n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// texts gives a list of texts, or one that stands alone.
func (s *source) texts(n *yaml.Node, what string) (all []string) {
	if n = target(n); n.Kind == yaml.ScalarNode {
		if t := s.text(n, what); t != "" {
			all = append(all, t)
		}
		return all
	}
	s.list(n, what, func(n *yaml.Node) { all = append(all, s.text(n, what)) })
	return all
}

// truth gives a boolean. Text that YAML 1.1 takes for one counts too: the tools of these files read that.
func (s *source) truth(n *yaml.Node, what string) bool {
	switch strings.ToLower(s.text(n, what)) {
	case "true", "yes", "on", "y":
		return true
	case "false", "no", "off", "n", "":
		return false
	}
	s.report(n.Line, n.Column, "%s should be true or false", what)
	return false
}

// unknown names a key that means nothing here, as a comment.
func (s *source) unknown(what, key string, at *yaml.Node) {
	s.tail("%s: %s is no key of %s that is known here; nothing is made of it.", s.at(at.Line), strconv.Quote(key), what)
}

// other remembers a key that has nothing to do with registries.
func (s *source) other(key string, at *yaml.Node) {
	s.others = append(s.others, fmt.Sprintf("%s (line %d)", key, at.Line))
}
