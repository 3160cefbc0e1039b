// Package spec reads the user's file: YAML goes in, a [Spec] comes out that is complete and consistent, or a list of all that
// is wrong with it, each problem with its place and mostly with what to do about it.
//
// [Load] is the whole road, in this order:
//
//	parse      one node tree a file; apiVersion and kind (parse.go, header.go)
//	join       the lists of several files behind each other (join.go)
//	overlay    the overlays that hold for the node, merged into the tree (overlay.go, merge.go)
//	decode     nodes to Go values by the types' tags, strictly, with defaults (decode.go, text.go, shape.go)
//	validate   what the types cannot say (validate*.go)
//
// Places are found in the tree when there is a problem and not before: a file without problems costs little more than its
// parse. The package opens no file and asks no node. What overlays must know of the node comes as [Facts]; the certificate
// files that the file names are listed by [Spec.Files] for the caller to read and to judge by [CheckPEM] and [CheckPair].
//
// The tags of the types are the one description of the file. Beside json there are
//
//	default:"a,b"   the value of a missing key; a key without default and omitempty is required
//	enum:"a,b"      the values that a string, or each string of a list, may have
//	alone:"true"    a list of strings that may be written as one string
//	text:"lines"    a string that may hold line breaks
//
// The JSON Schema in package schema is generated from the same tags and comments, so the comments of fields are written for
// the user.
package spec
