// Package test holds the suites that run regsync against real components: the stories in testdata, each a script in
// its own namespaces with the daemons that it asks for. Package rig starts the components.
package test
