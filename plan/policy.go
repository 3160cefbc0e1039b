package plan

import (
	"fmt"

	"github.com/regsync/regsync/render"
)

// Policy is what the user allows, and what the plan has to know of its surroundings.
type Policy struct {
	Adopt     bool     // files that regsync did not create may be taken over
	AdoptFrom []string // tools whose files may be taken over too
	Exact     bool     // what stood there before comes back even if the runtime cannot live with it
	Source    string   // the spec's name, for hints: "regsync.yaml"
	DataLoss  bool     // what is given back may take data with it
	Owner     string   // of the objects of the cluster that are ours
	Leaving   string   // why what nobody asks for goes: "no longer in regsync.yaml"

	// Singly makes a conflict of each file that cannot be edited, so that all others are planned; else the plan has an error.
	Singly bool

	// Digest is the ledger's keyed digest of a file.
	Digest func([]byte) string

	// Lost gives what stood before us in a place of which the ledger, which is damaged, does not know; nil: nobody knows.
	Lost func(id render.ID) (Original, bool)

	// Made reports whether a directory was made for files of ours; nil: none was.
	Made func(dir string) bool
}

// state is how a whole file stands to what it should be and to what we know of it.
type state uint8

const (
	absent  state = iota // there is no file
	right                // it is as it should be
	asLeft               // it is as we left it
	marked               // somebody changed it, and it bears our mark
	other                // anything else
	strayed              // something stands in its place that is no file
)

func (s state) String() string {
	return [...]string{"absent", "right", "as left", "marked", "other", "strayed"}[s]
}

// situation is everything that decides what may be done with a whole file.
type situation struct {
	wanted, owned bool
	state         state
}

// verdict is what is done in a situation.
type verdict uint8

const (
	leave    verdict = iota // nothing to do
	create                  // make it
	remake                  // make it again: it was ours and is gone
	update                  // change what is ours
	heal                    // change back what somebody changed
	replace                 // put it back in the place of what is no file
	reclaim                 // it bears our mark, but the ledger does not know it
	confirm                 // it is right already; it becomes ours
	takeOver                // it is somebody's; it becomes ours if the policy allows
	giveBack                // what stood there before comes back, else the file goes
	release                 // it is no longer ours and stays as it is
)

// verdicts is the ownership policy for whole files. Every situation that can arise stands here; the parts of files that are
// shared with others (blocks and keys) need none: there only our own part is ever changed.
var verdicts = map[situation]verdict{
	{wanted: true, owned: false, state: absent}: create,
	{wanted: true, owned: false, state: right}:  confirm,
	{wanted: true, owned: false, state: marked}: reclaim,
	{wanted: true, owned: false, state: other}:  takeOver,

	{wanted: true, owned: true, state: absent}:  remake,
	{wanted: true, owned: true, state: right}:   leave,
	{wanted: true, owned: true, state: asLeft}:  update,
	{wanted: true, owned: true, state: marked}:  heal,
	{wanted: true, owned: true, state: other}:   heal,
	{wanted: true, owned: true, state: strayed}: replace,

	{wanted: false, owned: true, state: absent}:  giveBack,
	{wanted: false, owned: true, state: asLeft}:  giveBack,
	{wanted: false, owned: true, state: marked}:  giveBack,
	{wanted: false, owned: true, state: other}:   release, // it was replaced by somebody's: not ours to delete
	{wanted: false, owned: true, state: strayed}: release,
}

func judge(s situation) verdict {
	v, ok := verdicts[s]
	if !ok {
		panic(fmt.Sprintf("no verdict for %+v", s))
	}
	return v
}
