package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/regsync/regsync/render"
)

// Drifted is a resource of ours that is not as the last apply left it.
type Drifted struct {
	render.ID
	Reason string `json:"reason"`
}

// Drift gives what of ours somebody has changed since, but for images, sorted by name. What others change around our part of a file is no
// drift. have holds every owned resource as it is.
func Drift(have map[render.ID]Live, owned map[render.ID]Owned, digest func([]byte) string) []Drifted {
	var list []Drifted
	for id, o := range owned {
		if id.Kind == render.KindImage || o.Applied == "" {
			continue
		}
		if why := drifted(id, have[id], o, digest); why != "" {
			list = append(list, Drifted{id, why})
		}
	}
	slices.SortFunc(list, func(x, y Drifted) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Kind, y.Kind)) })
	return list
}

// drifted says how a file is not as we left it; empty: it is.
func drifted(id render.ID, live Live, o Owned, digest func([]byte) string) string {
	r := render.Resource{ID: id, Scope: o.Scope, Body: o.Body, Mode: o.Mode, Sensitive: o.Sensitive}
	switch stray := o.Strayed(live); {
	case stray != nil:
		return "was replaced by " + stray.String() + " since the last apply"
	case o.turned(live) != "":
		return o.turned(live)
	case live.Obstacle != "":
		return live.Obstacle
	case live.Data == nil:
		return "was deleted since the last apply"
	case tighten(live, r) != 0:
		return fmt.Sprintf("its mode was opened to %04o", live.Mode.Perm())
	case o.Left(digest(live.Data)):
		return ""
	case o.Scope == render.Whole:
		return "was edited since the last apply" + by(id, writer(id, live.Data))
	}
	next, err := r.Propose(live.Data)
	switch {
	case err != nil:
		return "cannot be read any more: " + err.Error()
	case render.Same(next, live.Data):
		return ""
	}
	return "was edited since the last apply" + by(id, writer(id, live.Data))
}

// writer names the tool that wrote over a file of ours. Of a secret it is not told: it may bear our own mark still.
func writer(id render.ID, data []byte) string {
	if id.Kind != render.KindFile {
		return ""
	}
	return render.Tool(id.Name, data)
}
