// Package render works out what should stand on a node, from the spec and from what would stand there without us.
//
// Every target has its file: hosts_toml.go and certs_d.go for containerd's directories of registries, containerd_config*.go
// for its config, etc_hosts*.go, daemon_json*.go. What a registry's pulls are to do is worked out once, as a [Road], and then
// written for whichever target the node reads.
//
// The package is pure: bytes and values in, bytes and values out. A file that is ours as a whole is rendered; of one that we
// share with others, a [Resource] says what our part should be, and its Propose edits the file in place, so that every byte
// of theirs stays.
package render
