package spec

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	insecureType = reflect.TypeFor[Insecure]()
	endpointType = reflect.TypeFor[Endpoint]()
	overrideType = reflect.TypeFor[Override]()
	durationType = reflect.TypeFor[Duration]()
	stringType   = reflect.TypeFor[string]()
	patchType    = reflect.TypeFor[Patch]()
	specType     = reflect.TypeFor[Spec]()
)

// decoder makes a Spec of nodes. The types of spec say what is wanted: see shape.
type decoder struct {
	*tree
	file   string // where the nodes stand that are being decoded
	patch  bool   // what is decoded is an overlay's merge: keys may be missing, and null deletes
	inside int    // aliases around the value
}

// decode decodes the whole tree.
func (t *tree) decode() *Spec {
	s := new(Spec)
	d := &decoder{tree: t, file: t.origins[t.root].file}
	before := len(t.problems)
	d.value(t.root, reflect.ValueOf(s).Elem(), nil, nil)
	t.partial = t.partial || len(t.problems) > before
	return s
}

// value decodes a node. It reports what does not fit, and leaves there the zero value or the default.
func (d *decoder) value(n *yaml.Node, v reflect.Value, p *place, f *field) {
	if len(d.origins) > 1 {
		if o, ok := d.origins[n]; ok {
			defer func(file string) { d.file = file }(d.file)
			d.file = o.file
		}
	}
	if n.Kind == yaml.AliasNode {
		d.inside++
		defer func() { d.inside-- }()
		n = target(n)
	}
	if d.inside > 0 {
		if d.expanded++; d.expanded > maxExpanded {
			if !d.overspent {
				d.overspent = true
				d.report(n, p, "", "aliases stand for more than %d values", maxExpanded)
			}
			return
		}
	}
	if n.Tag == "!!null" && n.Kind == yaml.ScalarNode {
		if !d.patch {
			d.report(n, p, "give it a value, or take the key out", "has no value")
		}
		return
	}
	switch v.Type() {
	case endpointType:
		if n.Kind == yaml.ScalarNode {
			setDefaults(v)
			e := v.Addr().Interface().(*Endpoint)
			e.URL, _ = d.text(n, p, f)
			e.Pos = d.position(n, d.file)
			return
		}
	case insecureType:
		d.insecure(n, v.Addr().Interface().(*Insecure), p, f)
		return
	case overrideType:
		d.override(n, v, p)
		return
	case durationType:
		d.duration(n, v, p, f)
		return
	case patchType:
		patch := *d
		patch.patch = true
		patch.structure(n, reflect.New(specType).Elem(), p)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if s, ok := d.text(n, p, f); ok {
			if f != nil && f.enum != nil && !slices.Contains(f.enum, s) {
				d.report(n, p, didYouMean(s, f.enum), "%s is not %s", quote(s), oneOf(f.enum))
				return
			}
			v.SetString(s)
		}
	case reflect.Bool:
		if d.scalar(n, "!!bool", "true or false", p) {
			// The tag may be the user's, on anything.
			b, err := strconv.ParseBool(strings.ToLower(n.Value))
			if err != nil {
				d.report(n, p, "", "wants true or false, found %s", describe(n))
			}
			v.SetBool(b)
		}
	case reflect.Int:
		if d.scalar(n, "!!int", "a whole number", p) {
			// Octal and the like are read differently by YAML 1.1 and 1.2.
			i, err := strconv.ParseInt(n.Value, 10, 32)
			if err != nil || strconv.FormatInt(i, 10) != n.Value {
				d.report(n, p, "", "%s is not a plain whole number of a sensible size", quote(n.Value))
				return
			}
			v.SetInt(i)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), p, f)
	case reflect.Struct:
		d.structure(n, v, p)
	case reflect.Slice:
		d.list(n, v, p, f)
	case reflect.Map:
		d.dict(n, v, p)
	}
}

// structure decodes a mapping into a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, p *place) {
	sh := shapeOf(v.Type())
	setDefaults(v)
	if sh.pos >= 0 {
		v.Field(sh.pos).Set(reflect.ValueOf(d.position(n, d.file)))
	}
	if n.Kind != yaml.MappingNode {
		d.report(n, p, "", "wants a mapping, found %s", sortOf(n))
		return
	}
	d.merges(n, p)
	child := &place{up: p}
	var seen uint64
	pairs(n, func(key, value *yaml.Node, merged bool) bool {
		key = target(key)
		i := -1
		if key.Kind == yaml.ScalarNode {
			i = sh.find(key.Value)
		}
		switch {
		case i >= 0 && d.patch && p.up != nil && p.key == "merge" && whole[key.Value]:
			d.report(key, p.at(key.Value), "", "an overlay cannot change %s", key.Value)
		case i < 0:
			if meant := d.unknown(key, p, sh); meant >= 0 {
				seen |= 1 << meant
			}
		case seen&(1<<i) != 0 && merged:
		case seen&(1<<i) != 0:
			child.key = key.Value
			d.report(key, child, "", "the key stands twice in the same mapping")
		default:
			seen |= 1 << i
			if v.Type() == specType && empty(value) {
				break
			}
			child.key = key.Value
			d.value(value, v.FieldByIndex(sh.fields[i].index), child, &sh.fields[i])
		}
		return d.expanded <= maxExpanded
	})
	for i := range sh.fields {
		if sh.fields[i].required && seen&(1<<i) == 0 && !d.patch {
			child.key = sh.fields[i].name
			d.report(n, child, "", "is missing")
		}
	}
}

// empty reports whether a section holds nothing, as when all below it is commented out: it is as if it were not there.
func empty(section *yaml.Node) bool {
	n := target(section)
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && slices.Contains([]string{"", "~", "null", "Null", "NULL"}, n.Value)
}

// whole are the keys that are the file's own, and cannot be an overlay's.
var whole = map[string]bool{"apiVersion": true, "kind": true, "overlays": true}

// merges checks the values of merge keys.
func (d *decoder) merges(n *yaml.Node, p *place) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != mergeTag {
			continue
		}
		for _, from := range mergeSources(n.Content[i+1]) {
			if target(from).Kind != yaml.MappingNode {
				d.report(from, p, "", "<< wants an alias of a mapping, found %s", describe(from))
			} else if d.brings(target(from), n) {
				d.report(from, p, "", "<< brings the mapping into itself")
			}
		}
		d.expanded += len(target(n.Content[i+1]).Content)
	}
}

// brings reports whether a mapping stands in one that it merges, or is that one.
func (d *decoder) brings(from, n *yaml.Node) bool {
	d.expanded++
	return from == n || d.expanded <= maxExpanded && slices.ContainsFunc(from.Content, func(c *yaml.Node) bool { return d.brings(c, n) })
}

// list decodes a list, or, of strings that may stand alone, one.
func (d *decoder) list(n *yaml.Node, v reflect.Value, p *place, f *field) {
	if n.Kind == yaml.ScalarNode && f != nil && f.alone {
		if s, ok := d.text(n, p, f); ok {
			v.Set(reflect.ValueOf([]string{s}))
		}
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.report(n, p, "", "wants a list, found %s", sortOf(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	child := &place{up: p}
	for i, c := range n.Content {
		child.index = i
		if d.patch && c.Tag == "!!null" {
			d.report(c, child, "", "null deletes a key, not an element of a list")
		}
		d.value(c, v.Index(i), child, f)
		if d.expanded > maxExpanded {
			return
		}
	}
}

// dict decodes a mapping whose keys the user chose.
func (d *decoder) dict(n *yaml.Node, v reflect.Value, p *place) {
	if n.Kind != yaml.MappingNode {
		d.report(n, p, "", "wants a mapping, found %s", sortOf(n))
		return
	}
	d.merges(n, p)
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	child := &place{up: p}
	of := &field{alone: true, empty: v.Type().Elem() == stringType}
	pairs(n, func(key, value *yaml.Node, merged bool) bool {
		key = target(key)
		name, ok := d.text(key, p, nil)
		if !ok {
			return true
		}
		child.key = name
		if v.MapIndex(reflect.ValueOf(name)).IsValid() {
			if !merged {
				d.report(key, child, "", "the key stands twice in the same mapping")
			}
			return true
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(value, e, child, of)
		v.SetMapIndex(reflect.ValueOf(name), e)
		return d.expanded <= maxExpanded
	})
}

// scalar checks that a node is a plain value with the tag.
func (d *decoder) scalar(n *yaml.Node, tag, want string, p *place) bool {
	if n.Kind == yaml.ScalarNode && n.Tag == tag {
		return true
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		switch word := strings.ToLower(n.Value); {
		case tag != "!!bool":
		case word == "true" || word == "yes" || word == "on" || word == "y":
			hint = "write true, without quotes"
		case word == "false" || word == "no" || word == "off" || word == "n":
			hint = "write false, without quotes"
		}
	}
	d.report(n, p, hint, "wants %s, found %s", want, describe(n))
	return false
}
