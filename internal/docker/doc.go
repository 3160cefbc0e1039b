// Package docker is the Docker daemon that stands beside Kubernetes on a node: whether it is installed, what it has taken from
// daemon.json, and how it is made to read that file again.
//
// dockerd reads daemon.json when it starts and on SIGHUP. It tells nobody whether it took a new file: every refusal stands in its
// log alone, and 20.10 may take one key and refuse another. So the road is: [Daemon.FlagClash] and [Daemon.Validate] before
// the file is written, [Daemon.Reload] after it, and [Daemon.AwaitInfo] with [Info.Missing] to see what became of it.
//
// The package writes no file of the node's.
package docker
