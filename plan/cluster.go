package plan

import (
	"fmt"
	"path"
	"strings"

	"github.com/regsync/regsync/render"
)

// The ranks of what is no file, in the order in which it is done: a secret before the service accounts that refer to it, and the other
// way round where it goes.
const (
	rankImage render.Scope = 250 + iota
	rankSecret
	rankServiceAccount
	rankLeavingSecret
	rankAddon // last: it takes the longest
)

// rankApart gives the rank of a change that stands for itself.
func rankApart(c Change) render.Scope {
	switch {
	case c.Kind == render.KindImage:
		return rankImage
	case c.Kind == render.KindAddon:
		return rankAddon
	case c.Kind == render.KindServiceAccount:
		return rankServiceAccount
	case c.After == nil:
		return rankLeavingSecret
	}
	return rankSecret
}

// keeper says whose a whole resource is, by the mark that its writer left: see [render.Tool] and [render.Keeper].
func (b *builder) keeper(id render.ID, data []byte) string {
	if id.Kind == render.KindSecret {
		return render.Keeper(data, b.pol.Owner)
	}
	return render.Tool(id.Name, data)
}

// parent gives the directory that was made for a file, as far as that is the only thing that it can have been made for.
func parent(id render.ID) []string {
	if id.Kind != render.KindFile {
		return nil
	}
	return []string{path.Dir(id.Name)}
}

// noun is what messages call a whole resource.
func noun(id render.ID) string {
	if id.Kind == render.KindSecret {
		return "secret"
	}
	return "file"
}

// reissued says why a secret that is as we left it becomes another.
func reissued(r render.Resource, live []byte) string {
	hosts := render.Reissued(live, r.Body)
	if len(hosts) == 0 {
		return "changed: " + r.Why
	}
	return fmt.Sprintf("the credential of %s was rotated", strings.Join(hosts, ", "))
}

// otherOwner reports whether a secret is of a regsync with another owner. It is never touched, not even where it was ours.
func otherOwner(tool string) bool { return strings.HasPrefix(tool, render.Ours+" of ") }
