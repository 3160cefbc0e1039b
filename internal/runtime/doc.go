// Package runtime talks to what runs: containerd by its socket, and whoever restarts it (snapd, systemd).
//
// "It runs" means here that the CRI answers. containerd itself goes on, and systemd calls it active, while a CRI plugin that
// did not like its config is missing; [CRI] tells that state from others and names its cause.
//
// Nothing here reads or writes a config.
package runtime
