package plan

import (
	"io/fs"
	"time"

	"github.com/regsync/regsync/render"
)

// Generation is what one finished apply did, and what is ours after it: enough to go back there.
type Generation struct {
	Number int       `json:"generation"` // from 1
	At     time.Time `json:"appliedAt"`
	By     Author    `json:"by"`
	Source
	Rollback int    `json:"rollback,omitempty"` // the generation that it went back to; 0: it was an apply
	Healed   bool   `json:"healed,omitempty"`   // all that it did was to put back what somebody had changed
	Result   Result `json:"result"`
	Changes  []Past `json:"changes"`
	Kept     []Kept `json:"resources,omitempty"`

	// Damage says why the record cannot be read; then nothing but the number is known.
	Damage string `json:"damage,omitempty"`
}

// Author is who ran regsync, and how.
type Author struct {
	User    string `json:"user,omitempty"` // whom sudo names, where it was sudo
	UID     int    `json:"uid"`
	PID     int    `json:"pid,omitempty"`
	Command string `json:"command,omitempty"` // the command line, with secrets masked
	Version string `json:"version,omitempty"` // of regsync
}

// Source is what was applied, and what of its policy counts afterwards.
type Source struct {
	SpecDigest string   `json:"specDigest,omitempty"`
	Files      []string `json:"files,omitempty"` // of the spec, as absolute paths; "-" for standard input
	Adopt      bool     `json:"adopt,omitempty"` // policy.adopt
	AdoptFrom  []string `json:"adoptFrom,omitempty"`
	History    int      `json:"history,omitempty"` // policy.history: generations that are kept; 0: the default
}

// Result says how much of a plan was done.
type Result string

// The results. What is recorded is done; of a part, something of the plan is not in it.
const (
	All  Result = "done"
	Part Result = "part"
)

// Past is a change that was made.
type Past struct {
	render.ID
	Action    Action `json:"action"`
	Reason    string `json:"reason"`
	Sensitive bool   `json:"sensitive,omitempty"`
}

// Kept is what a generation knows of a resource of ours. Secret content is not in it, and an image is only named.
type Kept struct {
	render.ID
	Scope     render.Scope  `json:"scope,omitempty"`
	Body      string        `json:"body,omitempty"`   // what was asked for; of blocks and keys only
	Digest    string        `json:"digest,omitempty"` // keyed, of the file as it was left; the content of a whole file is kept under it
	Mode      fs.FileMode   `json:"mode,omitempty"`
	Effect    render.Effect `json:"effect,omitempty"`
	Sensitive bool          `json:"sensitive,omitempty"`
	Source    string        `json:"source,omitempty"` // the entry of the spec that a secret is of
	Image     string        `json:"image,omitempty"`  // digest that an image's name pointed to; empty where the registry said it
}

// Stored reports whether the content is kept beside the record, under its digest.
func (k Kept) Stored() bool {
	return k.Kind == render.KindFile && k.Scope == render.Whole && !k.Sensitive
}

// Contents gives what was kept under a digest; nil where nothing is, or not what was put there.
type Contents func(digest string) []byte

// body gives what of a file was ours; ok says whether it is known.
func (k Kept) body(contents Contents) (body []byte, ok bool) {
	switch {
	case k.Kind == render.KindImage || k.Sensitive:
		return nil, false
	case k.Scope != render.Whole:
		return []byte(k.Body), true
	}
	body = contents(k.Digest)
	return body, body != nil
}

// Since gives the changes that led from the generation before to this one, with what of each file was ours before and after, as far
// as that is kept. before is nil where it is not known; the first generation needs none.
func (g Generation) Since(before *Generation, contents Contents) []Change {
	known := g.Number == 1
	was, is := map[render.ID]Kept{}, map[render.ID]Kept{}
	if before != nil && before.Damage == "" {
		known = true
		for _, k := range before.Kept {
			was[k.ID] = k
		}
	}
	for _, k := range g.Kept {
		is[k.ID] = k
	}
	changes := make([]Change, 0, len(g.Changes))
	for _, p := range g.Changes {
		c := Change{ID: p.ID, Action: p.Action, Reason: p.Reason}
		old, hadOld := was[p.ID]
		now, hasNow := is[p.ID]
		c.Sensitive = p.Sensitive || old.Sensitive || now.Sensitive
		from, knownOld := old.body(contents)
		to, knownNow := now.body(contents)
		if known && !c.Sensitive && (knownOld || !hadOld) && (knownNow || !hasNow) {
			c.Before, c.After = from, to
		}
		changes = append(changes, c)
	}
	return changes
}
