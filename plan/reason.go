package plan

import (
	"strings"

	"github.com/regsync/regsync/render"
)

// whose names the maker of a file that is there.
func whose(name string, data []byte) string {
	switch tool := render.Tool(name, data); tool {
	case render.Stock:
		return "the stock file"
	case "", render.Ours:
		return "the existing file"
	default:
		return tool + "'s file"
	}
}

// by names who wrote over what is ours, where it can be told. A file that still bears our mark was not made anew: somebody has edited it.
func by(name string, data []byte) string {
	switch tool := render.Tool(name, data); tool {
	case "", render.Stock:
		return ""
	case render.Ours:
		return " by hand"
	default:
		return " by " + tool
	}
}

// changed says why a file that is as we left it becomes another.
func changed(r render.Resource, live []byte) string {
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
