// Package docs holds the pages for users, and the tests that keep them true: what stands between the marks of a page is
// generated from the schema and from the command's own help, and what a page shows of a session at a terminal is what
// the program says.
//
// A page may hold, beside text:
//
//	<!-- node: NAME -->          from here on commands see a fresh node, of examples/testdata/NAME.txtar
//	```yaml /etc/…               this file is written to that node (of any language)
//	```console run               these commands are run against it; a line "..." stands for any lines
//	<!-- keys: TYPE --> … <!-- end -->     the keys of a type of the schema
//	<!-- help: VERB --> … <!-- end -->     what the verb's --help says
//	<!-- rules: FAMILY --> … <!-- end -->  the rules of doctor in a family
//
// A page with a story (<!-- story) is run on real components instead: TestPages in test says how, and what may stand in one.
package docs

//go:generate go test -update .
