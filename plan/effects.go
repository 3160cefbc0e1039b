package plan

import (
	"path"
	"strings"

	"github.com/regsync/regsync/render"
)

// disturbs says in a sentence what an effect means for what runs on the node.
var disturbs = map[render.Effect]string{
	render.ReloadDocker:      "No running container is touched.",
	render.RestartContainerd: "Running pods go on; pulls and new pods wait for some seconds.",
}

// effects gives what the changes need, each effect once, Docker's reload before containerd's restart.
func effects(changes []Change) []Effect {
	var list []Effect
	for _, name := range []render.Effect{render.ReloadDocker, render.RestartContainerd} {
		var files []string
		repairs := false
		for _, c := range changes {
			if c.Effect == name && c.Action != Forget {
				files = append(files, path.Base(c.Name))
				_, broken := render.Breaks(c.Before)
				repairs = repairs || name == render.RestartContainerd && broken
			}
		}
		if files != nil {
			list = append(list, Effect{Name: name, Reason: strings.Join(files, ", "), Disturbs: disturbs[name], Repairs: repairs})
		}
	}
	return list
}

// WithPending adds an effect that is due though no file changes: what runs has not loaded what the file says.
func (p Plan) WithPending(name render.Effect, reason string) Plan {
	for _, e := range p.Effects {
		if e.Name == name {
			return p
		}
	}
	p.Effects = append(p.Effects, Effect{Name: name, Reason: reason, Disturbs: disturbs[name], Pending: true})
	return p
}
