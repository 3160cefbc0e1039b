// Package view turns plans, events and problems into what people and programs read. It works nothing out: every word stands
// for a value that it was given. Text goes to people; the JSON is a contract, with a formatVersion.
package view
