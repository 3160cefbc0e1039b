package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/regsync/regsync/spec"
)

// Kind says what sort of thing a resource is.
type Kind string

// KindFile is a file, or a part of one, on the node.
const KindFile Kind = "file"

// ID names one manageable thing.
type ID struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`           // of a file: its absolute path on the node; of an object of the cluster: NAMESPACE/NAME
	Node string `json:"node,omitempty"` // the cluster's node that it is on; empty: this one
}

// String gives KIND NAME, and the node where that is another.
func (id ID) String() string {
	if id.Node != "" {
		return string(id.Kind) + " " + id.Name + " on " + id.Node
	}
	return string(id.Kind) + " " + id.Name
}

// Scope says how much of a file is ours.
type Scope uint8

// The scopes, and how each is edited.
const (
	Whole    Scope = iota // the whole file: Body is its content
	Block                 // the lines between two markers (/etc/hosts): Body is those lines, without the markers
	JSONKeys              // values of some keys of a JSON object (daemon.json): Body is an object that holds them
	TOMLKeys              // the registry table of containerd's config: Body is that table's content, as TOML
	Names                 // some names of a list (a service account's imagePullSecrets): Body is those names, one a line
)

// Effect is what must happen for a change to be seen by what runs.
type Effect string

// The effects, by the names that the plan shows.
const (
	NoEffect          Effect = ""
	ReloadDocker      Effect = "reload docker"
	RestartContainerd Effect = "restart containerd"
)

// Resource is one thing as it should be.
type Resource struct {
	ID
	Scope     Scope
	Body      []byte
	Mode      fs.FileMode // of a file that is made new; an existing one keeps its own, but never more than this where Sensitive
	Effect    Effect
	Sensitive bool          // the content is shown as (sensitive) and kept out of ledger and plan
	From      spec.Position // the entry that asks for it
	Why       string        // that entry in a few words: "mirror of docker.io"
	Image     *Image        // of an image; nil of a file
	Addon     *Addon        // of an add-on; else nil
	Asks      []Endpoint    // of a hosts.toml: whom containerd must ask when it has read it, in order; else nil
}

// Propose gives the file as it should be, from the file as it is. live is nil where there is no file.
// It is pure and idempotent, and leaves every byte alone that is not ours. It fails where live cannot be edited safely:
// then the error says where and why.
func (r Resource) Propose(live []byte) ([]byte, error) {
	next, err := r.propose(live)
	if p := (*spec.Problem)(nil); errors.As(err, &p) && p.Position.File == "" {
		p.Position.File = r.Name
	}
	return next, err
}

func (r Resource) propose(live []byte) ([]byte, error) {
	switch r.Scope {
	case Whole:
		return r.Body, nil
	case Block:
		return proposeBlock(live, r.Body)
	case JSONKeys:
		return proposeJSON(live, r.Body)
	case TOMLKeys:
		return proposeTOML(live, r.Body)
	case Names:
		return proposeNames(live, r.Body), nil
	}
	panic(fmt.Sprintf("unknown scope %d", r.Scope))
}

// Withdraw takes our part out of live, which may have been edited by others since we wrote it: body is what we last asked for
// and before what stood there before we came (nil: no file). The result is nil where no file should be left.
func Withdraw(scope Scope, live, before, body []byte) ([]byte, error) {
	switch scope {
	case Whole:
		return before, nil
	case Block:
		return withdrawBlock(live, before, body)
	case JSONKeys:
		return withdrawJSON(live, before, body)
	case TOMLKeys:
		return withdrawTOML(live, before, body)
	case Names:
		return withdrawNames(live, before, body), nil
	}
	panic(fmt.Sprintf("unknown scope %d", scope))
}

// Same reports whether two files are equal; a file that is absent equals only another absent one.
func Same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
