// Package archive says what an image archive promises: which images are in it, under which names, for which platforms, and where in the
// file the bytes of each blob are. It asks no daemon, and it extracts nothing.
//
// Two forms are read, plain or compressed by gzip or zstd: what docker save writes (manifest.json) and the OCI image layout (oci-layout,
// index.json, blobs). Where a file is both, it is taken as an OCI layout, as containerd takes it.
//
// Of a plain archive only the headers of the tar are read, the small JSON documents and the first bytes of layers; that a file's name or the
// configuration says a layer's digest is believed until somebody reads the layer. A compressed archive is decompressed once, front to back.
// [Index] is a value that marshals to JSON: [Cache] keeps it by the identity of the file, so that the archive need not be read again.
//
// [Index.Open] and [Index.Walk] give the bytes, and no byte that does not belong to the digest it was asked for goes unnoticed.
package archive
