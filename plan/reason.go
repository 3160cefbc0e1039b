package plan

import (
	"strings"

	"github.com/regsync/regsync/render"
)

// whose names the maker of a file or a secret that is there.
func whose(id render.ID, tool string) string {
	switch tool {
	case render.Stock:
		return "the stock file"
	case "", render.Ours:
		return "the existing " + noun(id)
	default:
		return tool + "'s " + noun(id)
	}
}

// by names who wrote over what is ours, where it can be told. A file that still bears our mark was not made anew: somebody has edited it.
func by(id render.ID, tool string) string {
	switch {
	case tool == render.Ours && id.Kind == render.KindFile:
		return " by hand"
	case tool == "" || tool == render.Ours || tool == render.Stock:
		return ""
	}
	return " by " + tool
}

// changed says why a file that is as we left it becomes another.
func changed(r render.Resource, live []byte) string {
	if r.Kind == render.KindSecret {
		return reissued(r, live)
	}
	switch names := render.Rotated(live, r.Body, r.Asks); len(names) {
	case 0:
		return "changed: " + r.Why
	case 1:
		return "credential " + names[0] + " was rotated"
	default:
		return "credentials " + strings.Join(names, ", ") + " were rotated"
	}
}

// differs says in a few words what of a shared file changes.
func differs(r render.Resource) string {
	switch r.Scope {
	case render.Block:
		return "differs: block of " + render.Count(strings.Count(string(r.Body), "\n"), "line")
	case render.JSONKeys:
		return "differs: " + r.Why
	}
	return r.Why
}
