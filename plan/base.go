package plan

import "github.com/regsync/regsync/render"

// Base gives a file as it would be without us: live itself where we own nothing of it, what stood there before where nobody
// has touched it since we wrote it, and else live without our part. nil is a file that would not be there. Where it is not known any more
// what stood there, a shared file is live without our part, as far as that can be told from the file alone.
func Base(live []byte, owned *Owned, digest func([]byte) string) ([]byte, error) {
	switch {
	case owned == nil:
		return live, nil
	case owned.Scope == render.Whole:
		return owned.Before.Data, nil
	case live == nil:
		return nil, nil
	case owned.Before.Lost != "":
		return withoutBackup(live, owned)
	case owned.Left(digest(live)):
		return owned.Before.Data, nil
	}
	return render.Withdraw(owned.Scope, live, owned.Before.Data, owned.Body)
}

// withoutBackup takes our part out of a shared file. What we have taken out of containerd's config to make room cannot be made up.
func withoutBackup(live []byte, owned *Owned) ([]byte, error) {
	switch owned.Scope {
	case render.TOMLKeys:
		return live, nil
	case render.JSONKeys:
		return render.Withdraw(owned.Scope, live, []byte("{}\n"), owned.Body)
	default:
		return render.Withdraw(owned.Scope, live, []byte{}, owned.Body)
	}
}
