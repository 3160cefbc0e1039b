// Package credentials finds out user names and passwords: in files, in the environment, from programs, from systemd, in Docker's config
// and from its credential helpers.
//
// It knows nothing of what they are for. What it finds is a [render.Login], whose password shows nowhere. No error of it holds
// a byte of a secret: of what a program prints on standard output nothing is ever repeated, and what it prints on standard error
// only without that.
package credentials
