// Package doctor knows the traps that a node's registries can be in, and finds them in what was gathered of a node.
//
// [Facts] is the node: its files, what containerd's loaders make of them, what runs, who answers. It is gathered once, elsewhere.
// Each [Rule] is a pure look at it, and has an identifier that stays. [Examine] asks all of them.
//
// The package reads nothing and asks nobody. No finding holds a credential: of files that may hold one, it tells places only.
package doctor
