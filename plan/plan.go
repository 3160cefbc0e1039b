package plan

import (
	"io/fs"
	"slices"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// Plan is what has to change on a node, in the order in which it is done.
type Plan struct {
	Changes   []Change
	Effects   []Effect // in the order in which they run, each at most once
	Conflicts []Conflict
	Warnings  []*spec.Problem
	Waiting   []string // what cannot be looked after yet, and what it waits for
	Left      []string // what is left to the node when it runs
	Elsewhere []string // what is another node's to look after, and why
	Unchanged int      // resources that are as they should be
}

// Change is one resource that becomes different.
type Change struct {
	render.ID
	Action    Action
	Reason    string
	Effect    render.Effect
	Sensitive bool // contents are not shown and not stored
	Removal   bool // it was ours and is no longer asked for
	Drift     bool // it is not as we left it

	Before []byte // the file, or what we look after of the object, as it is; nil: there is none
	After  []byte // the same as it will be; nil: there will be none

	// Interim is what stands in the file while the effect runs, where that is not After; nil otherwise.
	// Docker keeps the old value of a key that is taken out of daemon.json until an empty list is put there.
	Interim []byte

	// Retreat is the same for the way back: what stands in the file while the effect runs again after a failure.
	Retreat []byte

	// Stray is what stands in the file's place, and goes, or stays where the file is only forgotten; nil: it is the file itself, or nothing. With it there is no Before: what a link leads to
	// is not ours to look at.
	Stray *Stray

	// Via is what the symbolic link holds through which the file is read and written; empty: there is none.
	Via string

	// Mode is set on the file; 0 keeps the mode that it has.
	Mode fs.FileMode

	// Owner is whose a file is that comes back after it was gone; nil: ours.
	Owner *Original

	// MakeDirs are the directories that are there for it only, outermost first: they are made where they are missing, and go with it.
	MakeDirs []string

	// DropDirs are the directories that were made for it and go with it, if nothing else is in them, innermost first.
	DropDirs []string

	// Image is the image as it will be, or as it was where it goes; nil of a file. Fetch says that its content, or a part of it, has
	// to come from its archive or registry; else only its record changes.
	Image *render.Image
	Fetch bool

	// Addon is the add-on as it will be; nil of everything else.
	Addon *render.Addon

	// KeepPin says of an image that is given back that it was pinned before us.
	KeepPin bool

	// Entry is what the ledger will say of the resource afterwards; nil: it is no longer ours.
	Entry *Owned

	// Asks is whom containerd must ask when it has read After, where After is a hosts.toml. It may hold a private key, so it is
	// in no saved plan.
	Asks []render.Endpoint `json:"-"`
}

// Owned is what the ledger knows of a resource that is ours.
type Owned struct {
	Scope   render.Scope
	Body    []byte        // what we last asked for; of blocks and keys only
	Effect  render.Effect // what a change of it needs
	Applied string        // digest of the file as we left it; empty: we had not written it yet
	Coming  string        // digest of the file as an apply that did not finish would have left it; else empty
	Mode    fs.FileMode   // as we want it
	Before  Original      // what stood there before us

	Sensitive bool
	Source    string // the entry of the spec that it is of, in a few words; of what is sensitive only

	// Image is what we last asked for, of an image; nil of a file. Found says that a record of that name, or an add-on, was there before us, and
	// Pinned that it was pinned. Of a secret, Found says that another node took it over from somebody, and knows alone what it was.
	Image  *render.Image
	Found  bool
	Pinned bool
}

// Left reports whether a file with this digest is as we left it.
func (o Owned) Left(digest string) bool {
	return digest == o.Applied || o.Coming != "" && digest == o.Coming
}

// inherited reports whether another node made it ours, so that how it was left is not known here.
func (o *Owned) inherited() bool { return o != nil && o.Applied == "" && o.Coming == "" }

// unfinished reports whether the apply that was to make it ours never came to its end.
func (o *Owned) unfinished() bool { return o != nil && o.Applied == "" && o.Coming != "" }

// Original is what stood in a place before regsync came.
type Original struct {
	Data     []byte // nil: nothing
	Mode     fs.FileMode
	UID, GID int
	Link     string `json:",omitempty"` // what the symbolic link held that stood at a whole file's name and is followed; empty: there was none
	Lost     string `json:",omitempty"` // why it is not known any more what stood there; Data is nil then
}

// Live is a resource as it is on the node.
type Live struct {
	Image    *LiveImage // of an image; nil: there is no record of that name
	Addon    LiveAddon  // of an add-on
	Data     []byte     // nil: there is none
	Mode     fs.FileMode
	UID, GID int
	Missing  []string // directories above it that are not there, outermost first
	Stray    *Stray   // what stands at its name and is no file; of a link all else is of what it leads to
	Obstacle string   // why nothing can be written there: "is a directory"; empty: nothing is in the way
}

// LiveImage is an image in containerd's store as it is.
type LiveImage struct {
	Target   string   // digest that the name points to
	Missing  []string // blobs of what is wanted, or of what was pulled, that are not in the store
	Unpacked bool     // the snapshot that the CRI would start containers from is there
	Managed  bool     // the CRI sees it
	Pinned   bool
	Source   string   // our label: what brought it; empty: it was not us
	Users    []string // containers that use it
	Moved    string   // the registry's digest for the name, where it was asked for and is another
}

// Effect is what has to happen for the changes to be seen by what runs.
type Effect struct {
	Name     render.Effect
	Reason   string // the files that need it
	Disturbs string // what that means for what runs
	Pending  bool   // the files are right already, but not loaded
	Repairs  bool   // the runtime was down because of the file that is changed, and must come up
	Undo     bool   // the files were put back, and what runs must be as before
}

// Target is the program that the effect is for.
func (e Effect) Target() string {
	if e.Name == render.ReloadDocker {
		return "docker"
	}
	return "containerd"
}

// Conflict is something that is asked for and may not, or cannot, be done.
type Conflict struct {
	render.ID
	Reason string
	Hint   string
	Held   bool // of a file: it stays as it is, and all others are looked after
}

// Unedited is the conflict of a file with which something is wrong.
func Unedited(id render.ID, p *spec.Problem) Conflict {
	return Conflict{ID: id, Reason: p.Error(), Hint: p.Hint}
}

// Bars reports whether the conflict keeps the whole plan from being applied. One that is not about a file holds back its own change
// only.
func (c Conflict) Bars() bool { return c.Kind == render.KindFile && !c.Held }

// Split parts the changes of files from those of everything else. Files are changed all or none; of the rest each change
// stands for itself.
func (p Plan) Split() (files, rest []Change) {
	for i, c := range p.Changes {
		if c.Kind != render.KindFile {
			return p.Changes[:i], p.Changes[i:]
		}
	}
	return p.Changes, nil
}

// Without gives the plan without the change of a resource.
func (p Plan) Without(id render.ID) Plan {
	p.Changes = slices.DeleteFunc(slices.Clone(p.Changes), func(c Change) bool { return c.ID == id })
	return p
}

// Barred reports whether a conflict keeps the plan from being applied.
func (p Plan) Barred() bool { return slices.ContainsFunc(p.Conflicts, Conflict.Bars) }

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Changes) == 0 && len(p.Effects) == 0 }

// Count gives the number of changes with the given action.
func (p Plan) Count(a Action) int {
	n := 0
	for _, c := range p.Changes {
		if c.Action == a {
			n++
		}
	}
	return n
}

// Removals gives the number of resources that were ours and are no longer asked for.
func (p Plan) Removals() int {
	n := 0
	for _, c := range p.Changes {
		if c.Removal && c.Action != Forget {
			n++
		}
	}
	return n
}

// LeavesNothing reports whether nothing that is ours would stay.
func (p Plan) LeavesNothing() bool {
	return p.Unchanged == 0 && !slices.ContainsFunc(p.Changes, func(c Change) bool { return !c.Removal })
}
