package draft

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/regsync/regsync/spec"
)

// width is where comments are broken.
const width = 120

// YAML gives the file. Its sections stand in the order of [spec.Spec].
func (d *Draft) YAML() ([]byte, error) {
	w := &writer{}
	w.comments("", d.Head)
	w.line("apiVersion: %s", spec.Version)
	w.line("kind: %s", spec.Kind)
	if text, err := encode(d.Node); err != nil || text != "{}\n" {
		w.section("node")
		w.comments("  ", d.NodeNotes)
		w.value("  ", "", d.Node, false)
	}
	if text, err := encode(d.Cluster); err != nil || text != "{}\n" {
		w.section("cluster")
		w.value("  ", "", d.Cluster, false)
	}
	var registries, mirrors []noted
	for _, e := range d.Entries {
		n := noted{notes: e.Notes, left: e.Left}
		if e.Registry != nil {
			registries = append(registries, n.with(*e.Registry))
			n.notes, n.left = nil, short(e.Left)
		}
		if e.Mirror != nil {
			mirrors = append(mirrors, n.with(*e.Mirror))
		}
	}
	w.list("registries", registries)
	w.list("mirrors", mirrors)
	w.list("insecure", append(plain(d.allowed(false)), d.leftInsecure()...))
	w.list("etcHosts", plain(d.Hosts))
	w.list("credentials", plain(d.credentials()))
	w.list("preload", plain(d.Preload))
	w.list("pullSecrets", plain(d.PullSecrets))
	if d.Addons != nil {
		w.section("addons")
		w.comments("  ", d.Addons.Notes)
		w.value("  ", "", d.Addons.Value, d.Addons.Left != "")
	}
	if tail := d.tail(); tail != nil {
		w.blank()
		w.comments("", tail)
	}
	return w.Bytes(), w.err
}

// tail gives the comments below everything: also what is known of registries of which nothing can be written.
func (d *Draft) tail() []string {
	var tail []string
	for _, e := range d.Entries {
		if e.bare() && len(e.Insecure) == 0 && e.Left != "" {
			tail = append(tail, strings.Join(append(slices.Clone(e.Notes), "not taken over: "+e.Left), "\n"))
		}
	}
	return append(tail, d.Tail...)
}

// leftInsecure gives what of insecure is commented out: what only entries need that are left out, and what was left out by itself.
func (d *Draft) leftInsecure() []noted {
	var out []noted
	for _, n := range d.Insecure {
		if n.Left != "" {
			out = append(out, noted{n.Value, n.Notes, n.Left})
		}
	}
	written := map[string]bool{}
	for _, n := range d.allowed(false) {
		written[n.Value.Value] = true
	}
	for _, n := range d.allowed(true) {
		if !written[n.Value.Value] {
			out = append(out, noted{n.Value, n.Notes, n.Left})
		}
	}
	return out
}

// elsewhere marks what is commented out for a reason that stands with its registry.
const elsewhere = "-"

func short(left string) string {
	if left == "" {
		return ""
	}
	return elsewhere
}

// noted is a [Noted] of any type.
type noted struct {
	value any
	notes []string
	left  string
}

func (n noted) with(value any) noted {
	n.value = value
	return n
}

func plain[T any](list []Noted[T]) []noted {
	var out []noted
	for _, n := range list {
		out = append(out, noted{n.Value, n.Notes, n.Left})
	}
	return out
}

// writer writes the lines of a file.
type writer struct {
	bytes.Buffer
	err error
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// blank begins a new part of the file.
func (w *writer) blank() {
	if w.Len() > 0 {
		w.WriteByte('\n')
	}
}

func (w *writer) section(name string) {
	w.blank()
	w.line("%s:", name)
}

// list writes a section that is a list; nothing where it is empty. One of which all is commented out is an empty section, which is valid.
func (w *writer) list(name string, entries []noted) {
	if len(entries) == 0 {
		return
	}
	w.section(name)
	for _, e := range entries {
		w.comments("  ", e.notes)
		if e.left != "" && e.left != elsewhere {
			w.comments("  ", []string{"not taken over: " + e.left})
		}
		w.value("  ", "- ", e.value, e.left != "")
	}
}

// value writes one value, behind a mark on its first line, perhaps commented out.
func (w *writer) value(indent, mark string, value any, out bool) {
	text, err := encode(value)
	if err != nil {
		w.err = err
		return
	}
	if out {
		indent += "# "
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if i > 0 {
			mark = strings.Repeat(" ", len(mark))
		}
		w.line("%s", strings.TrimRight(indent+mark+userinfo().ReplaceAllString(line, "://…@"), " "))
	}
}

// comments writes each comment as lines that are not too long.
func (w *writer) comments(indent string, comments []string) {
	for _, c := range comments {
		for paragraph := range strings.SplitSeq(userinfo().ReplaceAllString(printable(c), "://…@"), "\n") {
			line := indent + "#"
			for i, word := range strings.Fields(paragraph) {
				if i > 0 && len(line)+1+len(word) > width {
					w.line("%s", line)
					line = indent + "#"
				}
				line += " " + word
			}
			w.line("%s", line)
		}
	}
}

// userinfo is a user and a password in a URL, as nobody may see them.
var userinfo = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`://[^/\s"'\[\]]*@`) })

// printable gives text that may stand in a file: what is none of it becomes a question mark.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == '\ufffd' || r > 0xffff) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
