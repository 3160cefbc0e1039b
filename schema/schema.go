// Package schema holds the JSON Schema of regsync's file, for editors and for pipelines that check files before a node sees
// them. It is generated from the types of package spec, and one corpus of good and bad files judges both. The loader is the
// stricter one: it also sees across entries.
package schema

import _ "embed"

//go:generate go test -run TestCurrent -update .

//go:embed regsync.schema.json
var text []byte

// JSON is the schema, as JSON Schema 2020-12.
func JSON() []byte { return append([]byte(nil), text...) }
