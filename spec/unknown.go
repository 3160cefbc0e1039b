package spec

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// unknown reports a key that the struct does not have. It returns the index of the field that was probably meant, or -1.
func (d *decoder) unknown(key *yaml.Node, p *place, sh *shape) int {
	if key.Kind != yaml.ScalarNode {
		d.report(key, p, "", "a key must be a word, found %s", describe(key))
		return -1
	}
	meant := nearest(key.Value, sh.names())
	hint := "known here: " + strings.Join(sh.names(), ", ")
	switch {
	case foreign(key.Value) != "":
		hint = foreign(key.Value)
		meant = ""
	case meant != "":
		hint = "did you mean " + meant + "?"
	case len(homes(specType, "", key.Value)) > 0:
		hint = "it belongs in " + oneOf(homes(specType, "", key.Value)) + "; " + hint
	}
	if key.Value == "rewrite" {
		d.report(key, p.at(key.Value), hint, "stock containerd cannot rewrite repository names")
		return -1
	}
	d.report(key, p.at(short(key.Value)), hint, "unknown key %s", quote(key.Value))
	if meant == "" {
		return -1
	}
	return sh.find(meant)
}

// homes are the places of the file, as paths, that have a key.
func homes(t reflect.Type, path, name string) []string {
	switch t.Kind() {
	case reflect.Slice:
		return homes(t.Elem(), path+"[]", name)
	case reflect.Pointer:
		return homes(t.Elem(), path, name)
	case reflect.Struct:
	default:
		return nil
	}
	var all []string
	for _, f := range shapeOf(t).fields {
		if f.name == name && path != "" {
			all = append(all, path)
		}
		all = append(all, homes(t.FieldByIndex(f.index).Type, strings.TrimPrefix(path+"."+f.name, "."), name)...)
	}
	return all
}

// foreign is advice about keys that other programs have for what is said in another way here.
func foreign(key string) string {
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(key)) {
	case "rewrite":
		return "name the path prefix in the endpoint's URL instead: https://HOST/v2/PROJECT"
	case "skipverify", "insecureskipverify":
		return "list https://HOST:PORT under insecure"
	case "plainhttp":
		return "write the URL with http:// and list HOST:PORT under insecure"
	case "auth", "user", "identitytoken":
		return "name an entry of credentials"
	}
	return ""
}
