package draft

import (
	"fmt"
	"slices"

	"github.com/regsync/regsync/spec"
)

// Draft is a file that is being written.
type Draft struct {
	Head        []string // comments above everything
	Node        spec.Node
	NodeNotes   []string
	Cluster     spec.Cluster
	Entries     []*Entry
	Hosts       []Noted[spec.HostsLine]
	Insecure    []Noted[spec.Insecure] // beyond what the entries need
	Preload     []Noted[spec.Preload]
	PullSecrets []Noted[spec.PullSecret]
	Credentials []Noted[spec.Credential] // beyond what the entries need
	Addons      *Noted[spec.Addons]
	Tail        []string // comments below everything: what has no place in the file

	logins map[string]login // by the credential's name; no password is ever written
}

// Entry is all that the file says of one registry.
type Entry struct {
	Host        string // as in image references, or "*"
	Notes       []string
	Registry    *spec.Registry
	Mirror      *spec.Mirror
	Insecure    []spec.Insecure   // what its endpoints, and it itself, need to be allowed
	Credentials []spec.Credential // that its endpoints name
	Left        string            // why it is commented out; empty: it is not
}

// Noted is a value with comments.
type Noted[T any] struct {
	Value T
	Notes []string
	Left  string // why it is commented out; empty: it is not
}

// bare reports whether the entry stands under insecure alone.
func (e *Entry) bare() bool { return e.Registry == nil && e.Mirror == nil }

// Note adds a comment.
func (e *Entry) Note(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(e.Notes, note) {
		e.Notes = append(e.Notes, note)
	}
}

// Leave has the entry commented out. The first reason counts.
func (e *Entry) Leave(format string, args ...any) {
	if e.Left == "" {
		e.Left = fmt.Sprintf(format, args...)
	}
}

// Entry gives the entry of a registry, and makes one where there is none.
func (d *Draft) Entry(host string) *Entry {
	i := slices.IndexFunc(d.Entries, func(e *Entry) bool { return e.Host == host })
	if i >= 0 {
		return d.Entries[i]
	}
	e := &Entry{Host: host}
	d.Entries = append(d.Entries, e)
	return e
}

// allowed gives the list insecure: of the entries that are not left out, or of those alone that are. Each value stands once; that a registry of the
// name is meant goes before that only an endpoint is.
func (d *Draft) allowed(left bool) []Noted[spec.Insecure] {
	var all []Noted[spec.Insecure]
	add := func(n Noted[spec.Insecure]) {
		i := slices.IndexFunc(all, func(o Noted[spec.Insecure]) bool { return o.Value.Value == n.Value.Value })
		switch {
		case i < 0:
			all = append(all, n)
		case all[i].Value.Only && !n.Value.Only:
			all[i].Value = n.Value
		}
	}
	if !left {
		for _, n := range d.Insecure {
			if n.Left == "" {
				add(n)
			}
		}
	}
	for _, e := range d.Entries {
		if (e.Left != "") != left {
			continue
		}
		for i, in := range e.Insecure {
			n := Noted[spec.Insecure]{Value: in, Left: short(e.Left)}
			if i == 0 && e.bare() {
				n.Notes, n.Left = e.Notes, e.Left
			}
			add(n)
		}
	}
	return all
}

// credentials gives the list credentials in the same way.
func (d *Draft) credentials() []Noted[spec.Credential] {
	all := slices.Clone(d.Credentials)
	for i := range all {
		if all[i].Left == "" && d.leftWith(all[i].Value.Name) {
			all[i].Left = elsewhere
		}
	}
	for _, e := range d.Entries {
		for _, c := range e.Credentials {
			i := slices.IndexFunc(all, func(o Noted[spec.Credential]) bool { return o.Value.Name == c.Name })
			if i < 0 {
				all = append(all, Noted[spec.Credential]{Value: c, Left: e.Left})
			} else if e.Left == "" {
				all[i].Left = ""
			}
		}
	}
	return all
}

// leftWith reports whether a credential is that of pull secrets, and all of them are left out.
func (d *Draft) leftWith(credential string) bool {
	left := false
	for _, p := range d.PullSecrets {
		if slices.Contains(p.Value.Credentials, credential) {
			if p.Left == "" {
				return false
			}
			left = true
		}
	}
	return left
}

// OptOut keeps registries without mirrors of their own from those of "*". containerd takes the directory of a registry or _default, and
// never both; the file means the mirrors of "*" for all that have none of their own.
func (d *Draft) OptOut() {
	if !slices.ContainsFunc(d.Entries, func(e *Entry) bool { return e.Host == spec.AnyRegistry && e.Left == "" }) {
		return
	}
	for _, e := range d.Entries {
		if e.Left == "" && e.Host != spec.AnyRegistry && e.Mirror == nil && !(e.Registry != nil && e.Registry.Blocked) {
			e.Mirror = &spec.Mirror{Registry: e.Host, Endpoints: []spec.Endpoint{}, Fallback: true}
		}
	}
}
