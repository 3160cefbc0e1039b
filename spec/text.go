package spec

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// text decodes a string. What YAML reads as something else must be quoted, also what only YAML 1.1 does (no, on, y): a file
// shall mean the same to every program that reads it. Nothing that ends a line can be meant, except where text is wanted.
func (d *decoder) text(n *yaml.Node, p *place, f *field) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.report(n, p, "", "wants a string, found %s", describe(n))
		return "", false
	}
	switch n.Tag {
	case "!!str":
	case "!!null":
		d.report(n, p, "give it a value, or take the key out", "has no value")
		return "", false
	case "!!int", "!!float", "!!bool", "!!timestamp":
		d.report(n, p, "write it in quotes: \""+short(n.Value)+"\"", "wants a string, found %s", describe(n))
		return "", false
	default:
		d.report(n, p, "", "wants a string, found %s", describe(n))
		return "", false
	}
	switch {
	case n.Style == 0 && oldBoolean(n.Value):
		d.report(n, p, "write it in quotes: \""+n.Value+"\"", "wants a string, found %s, which is a boolean for some YAML parsers", n.Value)
		return "", false
	case n.Value == "" && (f == nil || !f.empty):
		d.report(n, p, "give it a value, or take the key out", "is empty")
		return "", false
	case !printable(n.Value) && (f == nil || !f.text || strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' })):
		d.report(n, p, "", "holds a line break or another character that cannot be seen")
		return "", false
	case strings.ContainsAny(n.Value, "“”„‘’"):
		d.report(n, p, "type \" or ' instead, or leave them out", "has typographic quotes in it")
		return "", false
	}
	return n.Value, true
}

// oldBoolean reports whether a word is a boolean in YAML 1.1 and a string in 1.2.
func oldBoolean(s string) bool {
	if len(s) > 3 {
		return false
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	}
	return false
}

// onlyEndpoint is the longer form of an [Insecure].
type onlyEndpoint struct {
	Endpoint string `json:"endpoint"`
}

// insecure decodes an entry in either form.
func (d *decoder) insecure(n *yaml.Node, i *Insecure, p *place, f *field) {
	i.Pos = d.position(n, d.file)
	if n.Kind != yaml.MappingNode {
		i.Value, _ = d.text(n, p, f)
		return
	}
	var long onlyEndpoint
	d.structure(n, reflect.ValueOf(&long).Elem(), p)
	i.Value, i.Only = long.Endpoint, true
}

// override decodes auto, true or false, the latter two as booleans or strings.
func (d *decoder) override(n *yaml.Node, v reflect.Value, p *place) {
	values := []string{string(OverrideAuto), string(OverrideYes), string(OverrideNo)}
	word := n.Value
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		word = strings.ToLower(word)
	}
	if n.Kind != yaml.ScalarNode || !slices.Contains(values, word) {
		d.report(n, p, didYouMean(word, values), "wants %s, found %s", oneOf(values), describe(n))
		return
	}
	v.SetString(word)
}

// duration decodes a Go duration.
func (d *decoder) duration(n *yaml.Node, v reflect.Value, p *place, f *field) {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float") {
		d.report(n, p, "write "+short(n.Value)+"s for seconds", "wants a duration with its unit, found %s", describe(n))
		return
	}
	s, ok := d.text(n, p, f)
	if !ok {
		return
	}
	t, err := time.ParseDuration(s)
	if err != nil {
		d.report(n, p, "write it like 3s, 500ms or 1m30s", "%s is not a duration", quote(s))
		return
	}
	if t <= 0 {
		d.report(n, p, "", "%s is not longer than no time at all", quote(s))
		return
	}
	v.SetInt(int64(t))
}
