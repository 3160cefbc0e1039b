// Package images looks after containerd's image store: what is there, what is missing of what should be there, and how it gets there.
//
// An image is right when its name points to the right digest, every blob of the platform is in the content store, its layers are
// unpacked in the snapshotter that the CRI starts containers from, and the CRI sees it. [Store.Look] says so without reading a
// blob. [Store.Import] brings what is missing from an archive, [Store.Pull] has the CRI pull it.
//
// The record, which is all that anybody sees of an image, is written last. Until then a lease keeps what was written from
// containerd's garbage collector; when an import is cut off the lease lives on for [leaseTime], so the next import writes only
// what is still missing, and after that everything goes by itself.
//
// Seen on 1.6.20, 1.7.35 and 2.2.9. It is the only package that calls these parts of containerd's API.
package images
