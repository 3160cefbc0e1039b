// Package watch tells when there may be something to do on a node: a file has changed, a time has come. It only wakes; whoever is woken looks at
// all of the node anew.
package watch
