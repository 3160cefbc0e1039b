// Package fetch brings an archive from an https URL into a directory of its own, under the name of its sha256.
//
// A file of that name is whole: its bytes were hashed while they were written, and it got its name after they were on the disk. So one that is
// there is never asked for again. What is not whole yet is SHA256.part; SHA256.from beside it holds the ETag or Last-Modified of the version
// that it is a part of. The next run goes on where the last one ended, if the server still has that version and gives ranges, and
// begins anew otherwise. Whatever the server says, only the digest decides.
//
// Proxies and certificate authorities are those of the environment: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, and the system's roots.
//
// This is net/http with nothing on top. hashicorp/go-retryablehttp tries requests again but not bodies, which are what breaks with large
// files; what would be left for it is a loop and a table of status codes.
package fetch
