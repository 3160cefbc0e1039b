package plan

import (
	"path"
	"slices"

	"github.com/regsync/regsync/render"
)

// Held is a change that is not carried out now, and why.
type Held struct {
	Change
	Why string
}

// Hold gives the plan without the changes that why gives a reason for, and what is held. Files that stand in one directory are held together:
// a hosts.toml names the certificates beside it. why is also asked about effects that are due though no file changes, each as a change that
// has nothing but its Effect.
func (p Plan) Hold(why func(Change) string) (Plan, []Held) {
	because, dirs := make([]string, len(p.Changes)), map[string]string{}
	for i, c := range p.Changes {
		because[i] = why(c)
		if because[i] != "" && c.Kind == render.KindFile {
			dirs[path.Dir(c.Name)] = because[i]
		}
	}
	var held []Held
	var left []Change
	for i, c := range p.Changes {
		if because[i] == "" && c.Kind == render.KindFile {
			because[i] = dirs[path.Dir(c.Name)]
		}
		if because[i] == "" {
			left = append(left, c)
			continue
		}
		held = append(held, Held{c, because[i]})
	}
	due := effects(left)
	for _, e := range p.Effects {
		if !e.Pending || slices.ContainsFunc(due, func(o Effect) bool { return o.Name == e.Name }) {
			continue
		}
		alone := Change{Effect: e.Name}
		if why := why(alone); why != "" {
			held = append(held, Held{alone, why})
			continue
		}
		due = append(due, e)
	}
	p.Changes, p.Effects = left, due
	return p, held
}
