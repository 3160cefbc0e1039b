// Package beacon is what a service that looks after a node says of itself: a status file for whoever may read it, notifications and a
// watchdog for systemd, metrics and health over HTTP.
//
// The loop of the service reports each [Round], each [apply.Event] and each stream that comes or goes, and shows with [Beacon.Alive] that it
// moves. All else follows from that: nothing here looks at the node, and nothing is written or sent where nothing is new.
package beacon
