package plan

import "github.com/regsync/regsync/render"

// Base gives a file as it would be without us: live itself where we own nothing of it, what stood there before where nobody
// has touched it since we wrote it, and else live without our part. nil is a file that would not be there.
func Base(live []byte, owned *Owned, digest func([]byte) string) ([]byte, error) {
	switch {
	case owned == nil:
		return live, nil
	case owned.Scope == render.Whole:
		return owned.Before.Data, nil
	case live == nil:
		return nil, nil
	case owned.Left(digest(live)):
		return owned.Before.Data, nil
	}
	return render.Withdraw(owned.Scope, live, owned.Before.Data, owned.Body)
}
