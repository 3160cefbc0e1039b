// Package probe explains the road of one pull: which directory of certs.d the runtime takes, whom its file names, in which order they are
// asked, and, where it may ask, who answers.
//
// containerd's own code walks it, of the major that the node has: the loader of hosts.toml, the resolver that turns a name into a digest,
// the fetcher that brings manifest, config and layers. What 1.6 does otherwise than 1.7, whose code stands for all of 1.x, is put right
// here. Nothing is written, and without being told to probe the package asks nobody.
//
// It also asks endpoints whether they are there at all, and take their credential: those of the files on the node ([Verify]), and those of
// files that are about to be written ([Ahead]).
package probe
