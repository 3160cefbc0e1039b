// Package convert writes a file of regsync's from what another tool is told of registries. It opens nothing and asks nobody: bytes go in, a
// [draft.Draft] comes out.
//
// Whom the tool's runtime would ask is worked out by the rules that the tool documents, or that its source shows, and named at each format. What the
// file cannot say is commented out with its line and the reason; what has nothing to do with registries is named at the end. What is no file
// of the format is an error, with all that is wrong in it.
//
// No password is in what the package gives: a credential is named in its place, with a file that the user fills.
package convert
