// Package apply carries a plan out, all of it or nothing.
//
// It takes the plan as it is and works nothing out anew. What it changes it changes through a [Node], what it remembers
// through a [Ledger]; both are the caller's. It checks that the node is still as the plan saw it, records what it is about to
// do, writes the files, runs the effects, each at most once, and records what it did. Where a write or an effect fails, every
// file goes back to what it was and the effects run again. Then come the changes that stand for themselves, those of images and of
// objects of the cluster: see [Singly].
package apply
