// Package node is the live node: its files, below a root, and where its runtime keeps them.
//
// Names are absolute paths as the node itself sees them. Below a root that is not "/" symbolic links are followed as they would
// be on the node, so that an absolute link stays inside; one that leads out of the root is an error and never followed.
package node
