// Package ledger remembers what on the node is regsync's, and what stood there before.
//
// It lives in the state directory, which nobody but root can read:
//
//	lock          held by whoever changes the node
//	key           random bytes, 0600: digests of files are keyed with it, so that they tell nothing about a secret
//	ledger        what is ours; its last line is a checksum of the rest
//	journal.json  the apply that has begun and is not over, with all that it takes to go back
//	undo/         what its files held, by digest, as far as neither of the next two has it
//	backups/      what stood there before, by digest, 0600
//	generations/  a file for each finished apply, with a checksum too; the contents that they share are in blobs/, by digest
//	failure       why the last apply failed, until one succeeds
//
// The ledger is written twice by an apply: before the first change, with everything that is and will be ours, and after the
// last, with what then is. So a crash in between leaves nothing that nobody owns, also where the journal is lost. An apply is over when the
// ledger bears its generation.
package ledger
