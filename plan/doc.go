// Package plan compares what a node should have with what it has, and says what has to change and why.
//
// It stands between render, which says what should be, and apply, which carries a plan out. It does no I/O: everything that it
// judges is handed to it as values, and the [Plan] that it gives is a value too. Nothing is worked out again after it; a view
// shows it and apply executes it as it is.
//
// The ownership policy, which decides what may be touched, is the table in policy.go.
package plan
