package plan

import (
	"fmt"
	"io/fs"

	"github.com/regsync/regsync/render"
)

// Stray is what stands in the place of a file and is none, but holds nothing of its own either, so that it can be taken away and put back.
type Stray struct {
	Kind StrayKind   `json:"kind"`
	Link string      `json:"link,omitempty"` // what a symbolic link holds
	Mode fs.FileMode `json:"mode,omitempty"` // not of a link
	UID  int         `json:"uid,omitempty"`
	GID  int         `json:"gid,omitempty"`
}

// StrayKind says what a stray is.
type StrayKind string

// The kinds. Containerd passes over an empty directory, and waits for ever at a pipe. A socket cannot be put back, and of a device nobody knows what
// it does: neither is taken away.
const (
	StrayLink StrayKind = "symbolic link"
	StrayPipe StrayKind = "named pipe"
	StrayDir  StrayKind = "directory" // that is empty
)

// String names it: what a file was replaced by.
func (s Stray) String() string {
	switch s.Kind {
	case StrayLink:
		return fmt.Sprintf("a symbolic link to %q", s.Link)
	case StrayDir:
		return "an empty directory"
	}
	return "a " + string(s.Kind)
}

// Link is what the symbolic link holds that stands at a file's name; empty where none does.
func (l Live) Link() string {
	if l.Stray == nil {
		return ""
	}
	return l.Stray.Link
}

// Strayed gives what stands in the place of a whole file of ours; nil: nothing does. A link that was there when we took the file over is followed, as
// links always are on the way to what is shared with others.
func (o *Owned) Strayed(live Live) *Stray {
	if o == nil || o.Scope != render.Whole || o.Before.Link != "" && live.Link() != "" {
		return nil
	}
	return live.Stray
}

// turned says that the link through which we took a file over is another one by now; empty: it is not.
func (o *Owned) turned(live Live) string {
	if o == nil || o.Before.Link == "" || live.Link() == "" || live.Link() == o.Before.Link {
		return ""
	}
	return fmt.Sprintf("is a symbolic link to %q by now, and was one to %q when regsync took it over", live.Link(), o.Before.Link)
}

// replacing gives the change of a file in whose place something else stands. What a link leads to stays as it is, and is not looked at.
func (c Change) replacing(s Stray, r render.Resource, before Original) Change {
	c.Action, c.Stray, c.Before, c.Mode = Update, &s, nil, r.Mode
	if before.Data != nil {
		c.Owner = &before
	}
	return c
}

// Sees reports whether a file is as the plan saw it.
func (c Change) Sees(live Live) bool {
	switch {
	case c.Stray != nil:
		return live.Stray != nil && *live.Stray == *c.Stray
	case c.Action == Forget && live.Obstacle != "":
		return true // it stays, whatever it is
	}
	return live.Link() == c.Via && render.Same(live.Data, c.Before)
}
