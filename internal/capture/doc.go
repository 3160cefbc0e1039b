// Package capture describes a node as it is, as a file of regsync's: the other way round of render.
//
// Whom containerd asks comes from containerd's own loader ([probe.Read]); what of it the file can say is worked out here, and then rendered
// and compared. What would be asked otherwise than before, or cannot be said, is commented out with the place and the reason. So
// the file changes nothing: its plan takes over what is there.
//
// No password is in what the package gives. Where one stands, a credential is named in its place, with a file that the user fills.
package capture
