package draft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/regsync/regsync/spec"
)

// encode gives a value of spec's types as YAML: its keys in the order of the type, without those that say what holds without them.
func encode(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("writing a %T: %w", value, err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return "", fmt.Errorf("writing a %T: %w", value, err)
	}
	n := document.Content[0]
	settle(n, reflect.TypeOf(value))
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return "", fmt.Errorf("writing a %T: %w", value, err)
	}
	return out.String(), e.Close()
}

// settle brings what JSON made of a value into the form that a person would write.
func settle(n *yaml.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	n.Style = 0
	switch {
	case n.Kind == yaml.ScalarNode:
		scalar(n, t)
	case n.Kind == yaml.SequenceNode:
		for _, c := range n.Content {
			settle(c, t.Elem())
		}
		if t.Elem().Kind() == reflect.String && length(n) < 80 {
			flow(n)
		}
	case t.Kind() == reflect.Map:
		for i := 0; i+1 < len(n.Content); i += 2 {
			scalar(n.Content[i], reflect.TypeFor[string]())
			settle(n.Content[i+1], t.Elem())
		}
	case t == reflect.TypeFor[spec.Insecure]():
		settle(n, reflect.TypeFor[map[string]string]())
		flow(n)
	default:
		mapping(n, t)
	}
}

// mapping leaves out the keys with the value that they have anyway, and shortens what has a short form.
func mapping(n *yaml.Node, t reflect.Type) {
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		key.Style = 0
		f := field(t, key.Value)
		settle(value, f.Type)
		if !standard(value, f) {
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
	switch t {
	case reflect.TypeFor[spec.Endpoint]():
		if len(kept) == 2 {
			*n = *kept[1]
		}
	case reflect.TypeFor[spec.Secret](), reflect.TypeFor[spec.ClientCert]():
		flow(n)
	}
}

// flow puts a value on one line. What has a colon in it is quoted there, as everything in doubt.
func flow(n *yaml.Node) {
	n.Style = yaml.FlowStyle
	for _, c := range n.Content {
		if c.Kind == yaml.ScalarNode && c.Style == 0 && c.Tag == "!!str" && strings.ContainsAny(c.Value, ":,[]{}?#*&!|>%@`\"'") {
			c.Style = yaml.DoubleQuotedStyle
		}
	}
}

// field finds the field of a key.
func field(t reflect.Type, key string) reflect.StructField {
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == key {
			return f
		}
	}
	panic(fmt.Sprintf("%s has no key %q", t, key))
}

// standard reports whether a value is what holds without it.
func standard(n *yaml.Node, f reflect.StructField) bool {
	want, ok := f.Tag.Lookup("default")
	switch {
	case n.Kind == yaml.MappingNode:
		return len(n.Content) == 0
	case !ok:
		return false
	case n.Kind == yaml.SequenceNode:
		var values []string
		for _, c := range n.Content {
			values = append(values, c.Value)
		}
		return strings.Join(values, ",") == want
	}
	return n.Value == want || n.Value == ""
}

// scalar leaves it to the encoder whether a value needs quotes, but for words that older YAML takes for booleans.
func scalar(n *yaml.Node, t reflect.Type) {
	n.Style = 0
	if t == reflect.TypeFor[spec.Override]() {
		n.Tag = ""
		return
	}
	old := slices.Contains([]string{"y", "n", "yes", "no", "on", "off"}, strings.ToLower(n.Value))
	if n.Tag == "!!str" && (old || strings.HasPrefix(n.Value, "*") || strings.HasPrefix(n.Value, "{")) {
		n.Style = yaml.DoubleQuotedStyle
	}
	if strings.Contains(n.Value, "\n") {
		n.Style = yaml.LiteralStyle
	}
}

// length is about how long a list is on one line.
func length(n *yaml.Node) int {
	sum := 0
	for _, c := range n.Content {
		sum += len(c.Value) + 2
	}
	return sum
}
