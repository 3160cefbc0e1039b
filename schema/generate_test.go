package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/doc"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/regsync/regsync/schema"
	"github.com/regsync/regsync/spec"
)

var update = flag.Bool("update", false, "write the schema")

const file = "regsync.schema.json"

func TestCurrent(t *testing.T) {
	want := generate(t)
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(schema.JSON(), want) {
		t.Errorf("%s is not what the types say; run go generate ./schema", file)
	}
}

// generate makes the schema of spec's types: structure and descriptions by reflection, the rest by the tables in rule_test.go.
func generate(t *testing.T) []byte {
	r := &jsonschema.Reflector{
		BaseSchemaID: "https://github.com/regsync/regsync/schema",
		Mapper:       unions,
	}
	if err := r.AddGoComments("github.com/regsync/regsync/schema", "../spec", jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	for k, v := range r.CommentMap {
		r.CommentMap[k] = strings.Join(strings.Fields(v), " ")
	}
	s := r.Reflect(&spec.Spec{})
	s.ID = "https://github.com/regsync/regsync/schema/" + file
	s.Title = "regsync: " + spec.Kind
	for _, typ := range []reflect.Type{
		reflect.TypeFor[spec.Spec](), reflect.TypeFor[spec.Node](), reflect.TypeFor[spec.Containerd](), reflect.TypeFor[spec.Docker](),
		reflect.TypeFor[spec.Cluster](), reflect.TypeFor[spec.Registry](), reflect.TypeFor[spec.ClientCert](),
		reflect.TypeFor[spec.Mirror](), reflect.TypeFor[spec.Endpoint](), reflect.TypeFor[spec.HostsLine](),
		reflect.TypeFor[spec.Credential](), reflect.TypeFor[spec.Secret](), reflect.TypeFor[spec.Preload](),
		reflect.TypeFor[spec.Verify](), reflect.TypeFor[spec.PullSecret](), reflect.TypeFor[spec.LabelSelector](),
		reflect.TypeFor[spec.Addons](), reflect.TypeFor[spec.RegistryAddon](), reflect.TypeFor[spec.Policy](),
		reflect.TypeFor[spec.Effects](), reflect.TypeFor[spec.Overlay](), reflect.TypeFor[spec.Match](),
	} {
		refine(t, s.Definitions[typ.Name()], typ)
	}
	union(s)
	patches(s)
	empty(s.Definitions["Spec"])
	delete(s.Definitions, "TLS")
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// unions are the types whose form in the file is not that of their Go type.
func unions(t reflect.Type) *node {
	switch t {
	case reflect.TypeFor[spec.Insecure]():
		p := jsonschema.NewProperties()
		p.Set("endpoint", &node{Type: "string", Pattern: whole(insecureEndpoint)})
		return &node{OneOf: []*node{
			{Type: "string", Pattern: whole(insecure)},
			{Type: "object", Properties: p, Required: []string{"endpoint"}, AdditionalProperties: jsonschema.FalseSchema},
		}}
	case reflect.TypeFor[spec.Duration]():
		return &node{Type: "string", Pattern: whole(duration), Not: &node{Pattern: `^[^1-9]*$`}}
	case reflect.TypeFor[spec.Override]():
		return &node{Enum: []any{"auto", true, false, "true", "false"}}
	case reflect.TypeFor[spec.Patch]():
		return &node{Ref: "#/$defs/SpecPatch"}
	}
	return nil
}

// refine adds to a type's schema what its tags and the tables say.
func refine(t *testing.T, s *node, typ reflect.Type) {
	if s == nil {
		t.Fatalf("no schema for %s", typ)
	}
	s.Description = new(doc.Package).Synopsis(s.Description)
	s.Required = nil
	for _, f := range reflect.VisibleFields(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		p, ok := s.Properties.Get(name)
		if !ok {
			t.Fatalf("%s has no %s", typ, name)
		}
		key := typ.Name() + "." + name
		standard := f.Tag.Get("default")
		if standard == "" && !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
		p.Default = value(f.Type, standard)
		text := p
		switch {
		case f.Tag.Get("alone") == "true":
			text = &node{Type: "string", MinLength: ptr(1)}
			p.Type, p.Items = "", nil
			p.OneOf = []*node{text, {Type: "array", Items: text}}
		case name == "header":
			p.AdditionalProperties = stringOrList(&node{Type: "string", Pattern: `^[!#-\[\]-~]([ !#-\[\]-~]*[!#-\[\]-~])?$`})
			p.PropertyNames = &node{Pattern: whole(token)}
		case p.Items != nil:
			text = p.Items
		case p.AdditionalProperties != nil:
			text = p.AdditionalProperties
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			for e := range strings.SplitSeq(enum, ",") {
				text.Enum = append(text.Enum, e)
			}
		} else if text.Type == "string" && text.Pattern == "" && !free[key] {
			text.Pattern = whole(visible)
			if pattern := texts[key]; pattern != "" {
				text.Pattern = whole(pattern)
			}
		}
		if filled[key] {
			if p.Type == "object" {
				p.MinProperties = ptr(1)
			} else {
				p.MinItems = ptr(1)
			}
		}
		p.UniqueItems = sets[key]
	}
	s.AllOf = append(s.AllOf, rules[typ.Name()]...)
	switch typ.Name() {
	case "Spec":
		set(s, "apiVersion").Const = spec.Version
		set(s, "kind").Const = spec.Kind
	case "Policy":
		set(s, "maxRemovals").Minimum = "0"
		set(s, "history").Minimum = "1"
		set(s, "maxRemovals").Maximum = "2147483647"
		set(s, "history").Maximum = "2147483647"
	}
}

// union makes an endpoint a URL, or the mapping that its type says.
func union(s *node) {
	full := s.Definitions["Endpoint"]
	bare := *set(full, "url")
	bare.Description = ""
	s.Definitions["Endpoint"] = &node{Description: full.Description, OneOf: []*node{&bare, full}}
	full.Description = ""
}

// patches makes the schema of what overlays merge: any key may be missing, and null deletes it.
func patches(s *node) {
	var names []string
	for name := range s.Definitions {
		names = append(names, name)
	}
	for _, name := range names {
		if name == "Overlay" || name == "Match" || name == "TLS" {
			continue
		}
		d := loose(s.Definitions[name])
		if name == "Spec" {
			for _, key := range []string{"apiVersion", "kind", "overlays"} {
				d.Properties.Delete(key)
			}
		}
		s.Definitions[name+"Patch"] = d
	}
}

// empty lets each section be null, as it is when all below it is commented out.
func empty(s *node) {
	for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
		if p := pair.Value; !slices.Contains(s.Required, pair.Key) {
			section := *p
			section.Description = ""
			pair.Value = &node{Description: p.Description, AnyOf: []*node{&section, {Type: "null"}}}
		}
	}
}

func loose(s *node) *node {
	d := *s
	d.Required, d.AllOf, d.Default = nil, nil, nil
	if d.Ref != "" && d.Ref != "#/$defs/SpecPatch" {
		d.Ref += "Patch"
	}
	if d.Items != nil {
		d.Items = loose(d.Items)
	}
	if d.OneOf != nil {
		d.OneOf = slices.Clone(d.OneOf)
		for i := range d.OneOf {
			d.OneOf[i] = loose(d.OneOf[i])
		}
	}
	if s.Properties != nil {
		d.Properties = jsonschema.NewProperties()
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			p := loose(pair.Value)
			p.Description = ""
			d.Properties.Set(pair.Key, &node{Description: pair.Value.Description, AnyOf: []*node{p, {Type: "null"}}})
		}
	}
	return &d
}

func set(s *node, name string) *node {
	p, _ := s.Properties.Get(name)
	return p
}

func stringOrList(text *node) *node {
	return &node{OneOf: []*node{text, {Type: "array", Items: text, MinItems: ptr(1)}}}
}

// value is a default tag as a JSON value, or nil.
func value(t reflect.Type, standard string) any {
	if standard == "" {
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return standard == "true"
	case reflect.Int:
		n, err := strconv.Atoi(standard)
		if err != nil {
			panic(err)
		}
		return n
	case reflect.Slice:
		return strings.Split(standard, ",")
	}
	return standard
}

func ptr(n uint64) *uint64 { return &n }
