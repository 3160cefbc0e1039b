package plan

import (
	"fmt"
	"path"
	"slices"

	"github.com/regsync/regsync/render"
)

// Back is what going back to a generation asks for.
type Back struct {
	Want  []render.Resource
	Owned map[render.ID]Owned // what is ours now, without what stays as it is
	Held  []Conflict          // what cannot be brought back, and stays
}

// Back works out what the node must have to be as after the generation. A secret is in no generation: where the one that is there is
// not the one of then, it stays, and with it the directory that it is in, for a hosts.toml that names the key of another is the end
// of every pull. Images and add-ons stay as they are.
func (g Generation) Back(have map[render.ID]Live, owned map[render.ID]Owned, contents Contents, digest func([]byte) string) Back {
	b := Back{Owned: map[render.ID]Owned{}}
	held := map[string]bool{} // files, and directories
	for _, k := range g.Kept {
		if !comesBack(k.ID) {
			continue
		}
		r, why := k.again(have[k.ID].Data, contents, digest)
		if why != "" {
			b.Held = append(b.Held, Conflict{
				ID: k.ID, Held: true, Reason: why + "; it stays as it is, and so does what belongs to it",
				Hint: "apply the file of that time: regsync apply -f FILE",
			})
			held[k.Name] = true
			if k.Scope == render.Whole && k.Kind == render.KindFile {
				held[path.Dir(k.Name)] = true
			}
			continue
		}
		r.Why = fmt.Sprintf("back to generation %d", g.Number)
		b.Want = append(b.Want, r)
	}
	stays := func(id render.ID, scope render.Scope) bool {
		return !comesBack(id) || held[id.Name] || scope == render.Whole && held[path.Dir(id.Name)]
	}
	b.Want = slices.DeleteFunc(b.Want, func(r render.Resource) bool { return stays(r.ID, r.Scope) })
	for id, o := range owned {
		if !stays(id, o.Scope) {
			b.Owned[id] = o
		}
	}
	return b
}

// comesBack reports whether a resource of that kind is brought back to what it was.
func comesBack(id render.ID) bool { return id.Kind != render.KindImage && id.Kind != render.KindAddon }

// Keep takes out of the generation what is not among these resources: nothing can be said of it now.
func (g *Generation) Keep(resources []render.Resource) {
	known := map[render.ID]bool{}
	for _, r := range resources {
		known[r.ID] = true
	}
	g.Kept = slices.DeleteFunc(slices.Clone(g.Kept), func(k Kept) bool { return !known[k.ID] })
}

// again gives the resource as it was asked for, or why that is not known.
func (k Kept) again(live []byte, contents Contents, digest func([]byte) string) (r render.Resource, why string) {
	r = render.Resource{ID: k.ID, Scope: k.Scope, Mode: k.Mode, Effect: k.Effect, Sensitive: k.Sensitive}
	if k.Scope == render.Whole && live != nil && digest(live) == k.Digest {
		r.Body = live
		return r, ""
	}
	body, ok := k.body(contents)
	switch {
	case ok:
		r.Body = body
		return r, ""
	case k.Sensitive && k.Source != "":
		return r, "what it held (" + k.Source + ") is secret, so it is in no generation, and it is no longer there"
	case k.Sensitive:
		return r, "what it held is secret, so it is in no generation, and it is no longer there"
	}
	return r, "what it held is not kept"
}

// Images gives the names and digests of the images that were ours, to be compared.
func (g Generation) Images() map[render.ID]string {
	images := map[render.ID]string{}
	for _, k := range g.Kept {
		if k.Kind == render.KindImage {
			images[k.ID] = k.Image
		}
	}
	return images
}
