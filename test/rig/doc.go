// Package rig starts what a node is made of: containerd (1.6, 1.7, 2.2), dockerd, a MicroK8s-shaped tree with its snap
// command, registries. All are the real programs; only snapd, which needs systemd, has a stand-in.
//
// A test that uses the rig first calls [Isolated], which runs it again in namespaces of its own: a network that has only
// a loopback, with the addresses of the examples on it, its own processes, and throw-away /etc, /var, /opt, /run. Inside
// them real paths may be written, and nothing that is asked or pulled can leave the machine. When that process ends, the
// kernel ends all the daemons with it and drops the mounts.
//
// A component that is not to be had is said by name: it skips the test, or fails it where CI=true is set.
package rig
