package ledger

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Generation is a finished apply, and what it told of its changes.
type Generation struct {
	plan.Generation
	Services Services `json:"services,omitzero"`

	originals map[string]original // what stood before us, by name
}

// Or gives the services, and of those that it does not know the other ones.
func (s Services) Or(other Services) Services {
	return Services{
		Runtime: cmp.Or(s.Runtime, other.Runtime), Socket: cmp.Or(s.Socket, other.Socket), Namespace: cmp.Or(s.Namespace, other.Namespace),
		ConfigFile: cmp.Or(s.ConfigFile, other.ConfigFile), DaemonJSON: cmp.Or(s.DaemonJSON, other.DaemonJSON),
		DockerSocket: cmp.Or(s.DockerSocket, other.DockerSocket), Cluster: cmp.Or(s.Cluster, other.Cluster),
	}
}

// generationFile is the file of a generation without its last line.
type generationFile struct {
	FormatVersion string `json:"formatVersion"`
	Generation
	Originals map[string]original `json:"originals,omitempty"`
}

func (l *Ledger) generationsDir() string { return filepath.Join(l.dir, "generations") }

func (l *Ledger) generationName(n int) string {
	return filepath.Join(l.generationsDir(), strconv.Itoa(n))
}

func (l *Ledger) contentName(digest string) string {
	return filepath.Join(l.generationsDir(), "blobs", digest)
}

// Generations gives the generations that are kept, the oldest first. One whose file is damaged has nothing but its number and its
// Damage.
func (l *Ledger) Generations() ([]Generation, error) {
	numbers, err := l.numbers()
	list := make([]Generation, 0, len(numbers))
	for _, n := range numbers {
		g, err := l.generation(n)
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("reading generation %d: %w", n, err)
		}
		if err != nil {
			g = Generation{Generation: plan.Generation{Number: n, Damage: err.Error()}}
		}
		list = append(list, g)
	}
	return list, err
}

// numbers gives the numbers of the generations that are kept, in order.
func (l *Ledger) numbers() ([]int, error) {
	files, err := os.ReadDir(l.generationsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the generations: %w", err)
	}
	var numbers []int
	for _, f := range files {
		if n, err := strconv.Atoi(f.Name()); err == nil && n > 0 && strconv.Itoa(n) == f.Name() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (l *Ledger) generation(n int) (Generation, error) {
	data, err := readFile(l.generationName(n))
	if strange(err) {
		err = fmt.Errorf("it %w", err)
	}
	if err != nil {
		return Generation{}, err
	}
	body, err := checked(data)
	if err != nil {
		return Generation{}, err
	}
	var file generationFile
	if err := json.Unmarshal(body, &file); err != nil {
		return Generation{}, err
	}
	switch {
	case file.FormatVersion != formatVersion:
		return Generation{}, fmt.Errorf("format %q is not %q", file.FormatVersion, formatVersion)
	case file.Number != n:
		return Generation{}, fmt.Errorf("it is the record of generation %d", file.Number)
	}
	file.originals = file.Originals
	return file.Generation, nil
}

// Content gives what is kept of generations under a digest; nil where nothing is, or not what was put there.
func (l *Ledger) Content(digest string) []byte {
	data, err := readFile(l.contentName(filepath.Base(digest)))
	if err != nil || l.Digest(data) != digest {
		return nil
	}
	if data == nil {
		data = []byte{}
	}
	return data
}

// kept is what a generation says of an entry.
func (e entry) kept() plan.Kept {
	k := plan.Kept{
		ID: render.ID{Kind: e.Kind, Name: e.Name, Node: e.Node}, Scope: e.Scope, Mode: e.Mode, Effect: e.Effect, Sensitive: e.Sensitive,
	}
	if e.Image != nil {
		k.Image = e.Image.Target.Digest
		return k
	}
	k.Digest = e.Applied
	if e.Sensitive {
		k.Source = e.Source
	} else {
		k.Body = e.Body
	}
	return k
}
