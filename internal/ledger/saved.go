package ledger

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// Saved is a plan that waits to be applied.
type Saved struct {
	Files      []string // that -f named, as absolute paths; "-" for standard input
	Source     plan.Source
	Generation int // of the node when the plan was made
	Services   Services
	// MaxRemovals is how many removals the policy allowed in one apply when the plan was made.
	MaxRemovals int
	Named       []string // registries that the file names
	Wishes      bool     // the file asks for something
	Plan        plan.Plan

	// Contents that are secret are not saved. Their digests are, by the file's name, so that what is found out again when the
	// plan is applied can be compared.
	Before, After map[string]string
}

// sealed is the form of a saved plan: what it says, and a code over it that only this node can make.
type sealed struct {
	FormatVersion string          `json:"formatVersion"`
	Kind          string          `json:"kind"`
	Seal          string          `json:"seal"`
	Saved         json.RawMessage `json:"saved"`
}

const sealedKind = "regsync plan"

// Seal gives a saved plan as a file. Secret contents are taken out of it.
func (l *Ledger) Seal(s Saved) ([]byte, error) {
	if err := l.Prepare(); err != nil {
		return nil, err
	}
	s.Before, s.After = map[string]string{}, map[string]string{}
	changes := make([]plan.Change, len(s.Plan.Changes))
	for i, c := range s.Plan.Changes {
		if c.Sensitive {
			s.Before[c.Name], s.After[c.Name] = l.fingerprint(c.Before), l.fingerprint(c.After)
			c.Before, c.After = nil, nil
			if c.Entry != nil {
				e := *c.Entry
				e.Before.Data = nil
				c.Entry = &e
			}
		}
		changes[i] = c
	}
	s.Plan.Changes = changes
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealed{FormatVersion: formatVersion, Kind: sealedKind, Seal: l.Digest(body), Saved: body})
}

// Keep lets the ledger, and the key with which a plan was sealed, stay until the next reset though nothing is ours yet. Call it when
// the sealed plan is where it belongs.
func (l *Ledger) Keep() error {
	if l.kept || l.SetAside != "" {
		return nil
	}
	l.kept = true
	return l.save()
}

// fingerprint tells an absent file from an empty one.
func (l *Ledger) fingerprint(data []byte) string {
	if data == nil {
		return "absent"
	}
	return l.Digest(data)
}

// Unseal reads a saved plan. One that was edited, or made on another node, is refused.
func (l *Ledger) Unseal(data []byte) (Saved, error) {
	var box sealed
	var s Saved
	if err := json.Unmarshal(data, &box); err != nil || box.Kind != sealedKind {
		return s, errors.New("this is no saved plan")
	}
	if box.FormatVersion != formatVersion {
		return s, fmt.Errorf("its format is %q; this build reads %q", box.FormatVersion, formatVersion)
	}
	if len(l.key) == 0 || !hmac.Equal([]byte(box.Seal), []byte(l.Digest(box.Saved))) {
		return s, errors.New("it was edited since it was saved, or made on another node")
	}
	return s, json.Unmarshal(box.Saved, &s)
}

// Complete puts secret contents back into a saved plan, from one that was worked out anew, and checks that they are the same.
func (l *Ledger) Complete(s *Saved, fresh plan.Plan) error {
	found := map[render.ID]plan.Change{}
	for _, c := range fresh.Changes {
		found[c.ID] = c
	}
	for i, c := range s.Plan.Changes {
		if !c.Sensitive {
			continue
		}
		f, ok := found[c.ID]
		if !ok || l.fingerprint(f.Before) != s.Before[c.Name] || l.fingerprint(f.After) != s.After[c.Name] {
			return fmt.Errorf("%q is not as it was when the plan was made", c.Name)
		}
		s.Plan.Changes[i] = f
	}
	return nil
}

// Secret reports whether a saved plan lacks contents that have to be found out again.
func (s Saved) Secret() bool { return len(s.After) > 0 }
