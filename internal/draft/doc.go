// Package draft writes a file of the user's for him: a spec that was found on a node or in another tool's file, in YAML, with comments on
// where each thing comes from and on what cannot be said.
//
// What belongs to one registry is kept together as an [Entry]. An entry that the file cannot say, or may not, is written too, but commented
// out and with the reason: so nothing is lost, and nothing changes by it. [Draft.Settle] finds such entries by what [spec.Load] says of the
// file, so that what [Draft.YAML] gives is always valid.
package draft
