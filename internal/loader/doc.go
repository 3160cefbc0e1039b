// Package loader says what containerd makes of a directory of certs.d, by containerd's own code.
//
// containerd does not complain of a hosts.toml that it cannot read: it writes a line to its log and goes to the upstream, or
// leaves a host out, or ends. Its majors differ in which files these are. So both majors' loaders are here:
// remotes/docker/config of 1.7 for all of 1.x, core/remotes/docker/config of 2.2 for 2.x. go.mod holds the TOML parser of the latter at the
// release that containerd 2.2 is built with, for it is the parser that panics.
//
// The package reads files, asks nobody, and links no client of containerd.
package loader
