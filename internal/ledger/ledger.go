package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// formatVersion is the form of the ledger file that this build writes, and the only one that it reads.
const formatVersion = "1"

// asideSuffix is put to the name of a ledger that cannot be trusted.
const asideSuffix = ".damaged"

// Ledger is what regsync owns on one node.
type Ledger struct {
	Generation int       // of the last finished apply; 0: none yet
	AppliedAt  time.Time // of that apply
	SpecDigest string    // of the spec that it applied
	RolledBack int       // the generation that it went back to; 0: it was an apply
	Services   Services  // what it told of its changes

	// SetAside is the path under which a damaged ledger was kept; empty: the ledger was sound, or there was none.
	SetAside string

	// Journal is the apply that has begun and is not over; nil: there is none. JournalDamage is why the one that is there
	// cannot be trusted.
	Journal       *Journal
	JournalDamage string

	dir       string
	key       []byte
	machine   string // that the ledger is of
	owned     map[render.ID]entry
	madeDir   map[string]bool   // on the node, for files of ours
	stateDirs []string          // that were made for the state directory, as paths from it: a node may be mounted elsewhere tomorrow
	earlier   *Ledger           // as it was at Begin
	begun     []plan.Change     // at Begin, all of them
	rescued   map[string][]byte // contents of backups that are lost and were found elsewhere, by digest
	recorded  *plan.Generation  // by Commit
	over      bool              // the journal is of an apply that is recorded
	kept      bool              // the ledger file was there when this run began, or a saved plan needs it
}

// Services are the programs that read what we write, so that they can be told without the spec when it is given back.
type Services struct {
	Runtime      render.Runtime `json:"runtime,omitempty"`
	Socket       string         `json:"socket,omitempty"`       // containerd's
	Namespace    string         `json:"namespace,omitempty"`    // containerd's, of images
	ConfigFile   string         `json:"configFile,omitempty"`   // containerd's
	DaemonJSON   string         `json:"daemonJSON,omitempty"`   // Docker's; empty: not managed
	DockerSocket string         `json:"dockerSocket,omitempty"` // empty: the default
	Cluster      Cluster        `json:"cluster,omitzero"`
}

// Cluster is how the cluster was reached, and as whom.
type Cluster struct {
	Manage     string `json:"manage,omitempty"`     // as in the spec
	Owner      string `json:"owner,omitempty"`      // of the objects that are ours
	Kubeconfig string `json:"kubeconfig,omitempty"` // as in the spec
	Variable   string `json:"variable,omitempty"`   // what KUBECONFIG said, where that was used
}

// entry is a line of the ledger.
type entry struct {
	Kind      render.Kind   `json:"kind"`
	Name      string        `json:"name"`
	Node      string        `json:"node,omitempty"`
	Scope     render.Scope  `json:"scope,omitempty"`
	Body      string        `json:"body,omitempty"`
	Effect    render.Effect `json:"effect,omitempty"`
	Applied   string        `json:"applied"`
	Coming    string        `json:"coming,omitempty"` // digest of what an apply that has begun is about to write
	Former    string        `json:"former,omitempty"` // names that are ours until it has written
	Mode      fs.FileMode   `json:"mode,omitempty"`
	Sensitive bool          `json:"sensitive,omitempty"`
	Source    string        `json:"source,omitempty"`
	Before    *original     `json:"before,omitempty"` // nil: nothing stood there
	Image     *render.Image `json:"image,omitempty"`
	Found     bool          `json:"found,omitempty"`  // the image was there before us
	Pinned    bool          `json:"pinned,omitempty"` // and it was pinned
}

// original is an [plan.Original] whose content stands in backups.
type original struct {
	Digest string      `json:"digest"`
	Mode   fs.FileMode `json:"mode"`
	UID    int         `json:"uid,omitempty"`
	GID    int         `json:"gid,omitempty"`
	Link   string      `json:"link,omitempty"`
}

// document is the ledger file without its last line.
type document struct {
	FormatVersion string    `json:"formatVersion"`
	Machine       string    `json:"machine,omitempty"` // that it is of
	Key           string    `json:"key"`               // that it was written with
	Generation    int       `json:"generation"`
	AppliedAt     time.Time `json:"appliedAt,omitzero"`
	SpecDigest    string    `json:"specDigest,omitempty"`
	RolledBack    int       `json:"rolledBack,omitempty"`
	Services      Services  `json:"services,omitzero"`
	MadeDirs      []string  `json:"madeDirs,omitempty"`
	StateDirs     []string  `json:"stateDirs,omitempty"`
	Entries       []entry   `json:"entries"`
}

// Open reads the ledger of a state directory. A directory that does not exist holds an empty ledger; nothing is made. lock is
// the one that is held, and nil for a run that only looks.
// A ledger that is damaged counts as empty: SetAside then names the file, which [Ledger.Begin] moves out of the way.
func Open(dir string, lock *Lock) (*Ledger, error) {
	l := &Ledger{dir: dir, owned: map[render.ID]entry{}, madeDir: map[string]bool{}}
	if lock != nil {
		l.stateDirs = l.fromHere(lock.made)
	}
	var err error
	if l.key, err = readFile(l.keyName()); err != nil && !errors.Is(err, fs.ErrNotExist) && !strange(err) {
		return nil, fmt.Errorf("reading the ledger's key: %w", err)
	}
	data, err := readFile(l.file())
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !strange(err) {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	if err == nil || strange(err) {
		l.read(data)
	}
	return l, l.readJournal()
}

// read takes what is ours from a ledger file. A damaged one is never fatal, and never trusted.
func (l *Ledger) read(data []byte) {
	doc, err := decode(data)
	if err == nil {
		err = l.pickKey(doc.Key)
	}
	if err != nil {
		l.SetAside = l.file() + asideSuffix
		return
	}
	l.kept = true
	l.stateDirs = append(l.stateDirs, doc.StateDirs...)
	l.adopt(doc)
}

// adopt makes what is ours be what a document says.
func (l *Ledger) adopt(doc document) {
	l.machine = doc.Machine
	l.Generation, l.AppliedAt, l.SpecDigest, l.RolledBack, l.Services = doc.Generation, doc.AppliedAt, doc.SpecDigest, doc.RolledBack, doc.Services
	l.owned, l.madeDir = make(map[render.ID]entry, len(doc.Entries)), map[string]bool{}
	for _, e := range doc.Entries {
		l.owned[render.ID{Kind: e.Kind, Name: e.Name, Node: e.Node}] = e
	}
	for _, d := range doc.MadeDirs {
		l.madeDir[d] = true
	}
}

// fromHere gives directories as paths from the state directory.
func (l *Ledger) fromHere(dirs []string) []string {
	list := make([]string, 0, len(dirs))
	for _, d := range dirs {
		if rel, err := filepath.Rel(l.dir, d); err == nil {
			list = append(list, rel)
		}
	}
	return list
}

func (l *Ledger) file() string { return filepath.Join(l.dir, "ledger") }

// checked takes the last line off a file, and checks the rest against it.
func checked(data []byte) ([]byte, error) {
	body, sum, ok := bytes.Cut(data, []byte("\nsha256:"))
	if !ok || checksum(body) != strings.TrimSuffix(string(sum), "\n") {
		return nil, errors.New("the checksum does not hold")
	}
	return body, nil
}

// decode reads a ledger file.
func decode(data []byte) (document, error) {
	var doc document
	body, err := checked(data)
	if err != nil {
		return doc, err
	}
	doc.Entries = make([]entry, 0, bytes.Count(body, []byte(`{"kind":`))) // lest it grow as it is read
	if err := json.Unmarshal(body, &doc); err != nil {
		return doc, err
	}
	if doc.FormatVersion != formatVersion {
		return doc, fmt.Errorf("format %q is not %q", doc.FormatVersion, formatVersion)
	}
	return doc, nil
}

// encode gives a document as a file whose last line is a checksum of the rest.
func encode(doc any) []byte {
	body, err := json.Marshal(doc)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return fmt.Appendf(body, "\nsha256:%s\n", checksum(body))
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Owned gives what is ours, with what stood there before. Where the backup of that is lost, it says so.
func (l *Ledger) Owned() (map[render.ID]plan.Owned, error) {
	owned := make(map[render.ID]plan.Owned, len(l.owned))
	for id, e := range l.owned {
		o := plan.Owned{Scope: e.Scope, Effect: e.Effect, Applied: e.Applied, Coming: e.Coming, Mode: e.Mode, Sensitive: e.Sensitive, Source: e.Source, Image: e.Image, Found: e.Found, Pinned: e.Pinned}
		if e.Scope != render.Whole {
			o.Body = []byte(e.Body)
		}
		if e.Former != "" {
			o.Body = render.JoinNames([]byte(e.Former), o.Body)
		}
		if e.Before != nil {
			o.Before = plan.Original{Mode: e.Before.Mode, UID: e.Before.UID, GID: e.Before.GID, Link: e.Before.Link}
			var err error
			if o.Before.Data, err = l.found(e.Before.Digest); errors.Is(err, fs.ErrPermission) {
				return nil, fmt.Errorf("reading the backup of %q: %w", id.Name, err)
			} else if err != nil {
				o.Before.Lost = why(err)
			}
		}
		owned[id] = o
	}
	return owned, nil
}

// MadeDirs gives the directories that were made for our files, and are to go with the last of them.
func (l *Ledger) MadeDirs() []string {
	dirs := make([]string, 0, len(l.madeDir))
	for d := range l.madeDir {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	return dirs
}

// Made reports whether a directory was made for our files.
func (l *Ledger) Made(dir string) bool { return l.madeDir[dir] }

// Begun reports whether something is ours of which nobody knows whether the apply that was to make it so has come that far.
func (l *Ledger) Begun() bool {
	for _, e := range l.owned {
		if e.Coming != "" {
			return true
		}
	}
	return false
}

// Unused reports whether nothing is ours and never was since the last reset, and nothing waits for us that we saved.
func (l *Ledger) Unused() bool {
	return len(l.owned) == 0 && l.Generation == 0 && !l.kept && !l.wasDamaged()
}

// wasDamaged reports whether a ledger was, or is about to be, set aside. The backups that it names may be all that is left of what stood
// on the node: then none of them is ever removed.
func (l *Ledger) wasDamaged() bool {
	if l.SetAside != "" {
		return true
	}
	_, err := os.Lstat(l.file() + asideSuffix)
	return err == nil
}
