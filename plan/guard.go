package plan

import (
	"fmt"
	"path"
	"slices"

	"github.com/regsync/regsync/render"
)

// Downgrade is a registry that gets less safe, or less sure to be there.
type Downgrade struct {
	Registry string // its directory in certs.d
	What     string // what happens to it
}

// Downgrades gives the registries that were served over verified TLS only, and would be served otherwise too. left gives a file as we left it;
// nil where we never did.
func (p Plan) Downgrades(left func(Change) []byte) []Downgrade {
	return p.judgeHosts(left, func(was, will []render.Server) string {
		unsafe := func(s render.Server) bool { return !s.Verified }
		i := slices.IndexFunc(will, unsafe)
		if len(was) == 0 || slices.ContainsFunc(was, unsafe) || i < 0 {
			return ""
		}
		return fmt.Sprintf("was served over verified TLS only, and would be served by %s, which is not", will[i].URL)
	})
}

// Stranded gives the registries that stay and lose their last mirror.
func (p Plan) Stranded(left func(Change) []byte) []Downgrade {
	return p.judgeHosts(left, func(was, will []render.Server) string {
		mirror := func(s render.Server) bool { return s.Mirror }
		i := slices.IndexFunc(was, mirror)
		if i < 0 || len(will) == 0 || slices.ContainsFunc(will, mirror) { // without any server it is blocked, and the file says so
			return ""
		}
		return fmt.Sprintf("would lose the last endpoint that serves it beside itself, %s", was[i].URL)
	})
}

// judgeHosts judges each hosts.toml that is ours and stays so by whom it let serve and whom it will let.
func (p Plan) judgeHosts(left func(Change) []byte, judge func(was, will []render.Server) string) []Downgrade {
	var list []Downgrade
	for _, c := range p.Changes {
		if c.Kind != render.KindFile || path.Base(c.Name) != render.HostsTOML || c.Entry == nil {
			continue
		}
		was := left(c)
		if was == nil {
			continue
		}
		if what := judge(render.Serving(was), render.Serving(c.After)); what != "" {
			list = append(list, Downgrade{Registry: path.Base(path.Dir(c.Name)), What: what})
		}
	}
	return list
}
