package render

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// Archive is what one file of an entry of preload holds, as far as this node is concerned.
type Archive struct {
	Entry   int    // the index in spec.Preload
	Path    string // absolute, on the node
	Beside  bool   // Path is on the machine that regsync runs on, beside the spec
	Fetched bool   // Path is a URL, without user and query
	Images  []Member
}

// Member is an image in an archive.
type Member struct {
	Names  []string // full references; none: it has only bare ones
	Bare   []string // names that are no reference, such as the tag alone
	Image  Image    // Target, Platform, Content and DiffIDs; the rest is the spec's
	Arches []string // for which the archive has it: amd64, arm64
	Err    error    // why the node cannot have it; nil otherwise
}

// name is the one by which the image is called in messages and in as.
func (m Member) name() string {
	switch {
	case len(m.Names) > 0:
		return m.Names[0]
	case len(m.Bare) > 0:
		return m.Bare[0]
	}
	return m.Image.Target.Digest
}

// Held is something of the spec that cannot be done now. It holds back itself, and nothing else.
type Held struct {
	ID
	Problem *spec.Problem
}

// images works out the images that preload asks for, sorted by their size, smallest first, and then by name.
func images(s *spec.Spec, in Inputs) ([]Resource, []Held) {
	g := gathering{nodes: in.Nodes, byName: map[ID]int{}}
	for i := range s.Preload {
		p := &s.Preload[i]
		if p.Image != "" {
			g.pulled(p, in.Platform)
			continue
		}
		g.entry(p, i, in.Archives)
	}
	slices.SortStableFunc(g.resources, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(a.Image.Bytes(), b.Image.Bytes()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
	})
	return g.resources, g.held
}

// gathering collects the images of all entries.
type gathering struct {
	nodes     []Neighbour
	resources []Resource
	byName    map[ID]int // index into resources
	held      []Held
}

// pulled adds an image that is kept pulled.
func (g *gathering) pulled(p *spec.Preload, platform string) {
	why := "pulled"
	if p.Refresh {
		why = "pulled, and follows its registry"
	}
	g.add(p, ID{Kind: KindImage, Name: full(p.Image)}, why, Image{Platform: cmp.Or(p.Platform, platform), Pin: p.Pin, Refresh: p.Refresh})
}

// entry adds the images of the archives of one entry.
func (g *gathering) entry(p *spec.Preload, i int, archives []Archive) {
	wanted := map[string]bool{} // images: what is still to be found
	for _, name := range p.Images {
		wanted[full(name)] = true
	}
	var offered []string
	found := false
	for _, a := range archives {
		if a.Entry != i {
			continue
		}
		found = true
		for _, m := range a.Images {
			offered = append(offered, m.name())
			g.member(p, a, m, wanted)
		}
	}
	if !found {
		return // the archive itself could not be read, and that is said already
	}
	for _, name := range p.Images {
		if wanted[full(name)] {
			g.hold(p, full(name), "images", fmt.Sprintf("%s holds no image %s", p.Archive, full(name)),
				"it holds "+strings.Join(firstFew(offered), ", "))
		}
	}
}

// member adds one image of an archive under each of its names that is asked for.
func (g *gathering) member(p *spec.Preload, a Archive, m Member, wanted map[string]bool) {
	names := slices.Clone(m.Names)
	if len(p.Images) > 0 {
		names = slices.DeleteFunc(names, func(n string) bool { return !wanted[n] })
	}
	var further []string
	for was, is := range p.As {
		if slices.Contains(m.Bare, was) || slices.Contains(m.Names, full(was)) && (len(p.Images) == 0 || wanted[full(was)]) {
			further = append(further, full(is))
		}
	}
	slices.Sort(further)
	if len(names)+len(further) == 0 {
		if len(p.Images) == 0 {
			g.hold(p, a.Path, "archive", fmt.Sprintf("%s: the image %q has no name that could stand in a pod", path.Base(a.Path), m.name()),
				fmt.Sprintf("give it one: as: {%q: docker.io/library/NAME:TAG}", m.name()))
		}
		return
	}
	why := "from " + path.Base(a.Path) + ", " + Size(m.Image.Bytes())
	for _, name := range append(names, further...) {
		delete(wanted, name)
		if m.Err != nil {
			g.hold(p, name, "archive", fmt.Sprintf("%s: %v", path.Base(a.Path), m.Err), hintOf(m.Err))
			continue
		}
		image := m.Image
		image.Pin, image.Archive, image.Beside = p.Pin, a.Path, a.Beside
		if a.Fetched {
			image.SHA256, image.Keep = p.SHA256, p.Keep
		}
		if !slices.Contains(m.Names, name) {
			image.Member = m.name()
		}
		g.add(p, ID{Kind: KindImage, Name: name}, why, image)
		if p.Nodes != "all" || image.Member != "" {
			continue // a cluster agent gives an image no further name
		}
		for _, node := range g.nodes {
			if node.Arch != "" && !slices.Contains(m.Arches, node.Arch) {
				g.hold(p, name, "nodes", fmt.Sprintf("%s has nothing for node %s, which is %s", path.Base(a.Path), node.Name, node.Arch),
					"save the image for all platforms: skopeo copy --all")
				continue
			}
			g.add(p, ID{Kind: KindImage, Name: name, Node: node.Name}, why, image)
		}
	}
}

// add adds an image under a name. Two entries may ask for the same one; not for two that differ.
func (g *gathering) add(p *spec.Preload, id ID, why string, image Image) {
	i, again := g.byName[id]
	if !again {
		g.byName[id] = len(g.resources)
		g.resources = append(g.resources, Resource{ID: id, Image: &image, From: p.Pos, Why: why})
		return
	}
	other := g.resources[i].Image
	if other.Target.Digest != image.Target.Digest {
		g.hold(p, id.Name, "archive", fmt.Sprintf("%s is %s here and %s in another entry (%s)", id.Name, short(image.Target.Digest), short(other.Target.Digest), g.resources[i].From),
			"choose with images: which archive it comes from")
		return
	}
	other.Pin = other.Pin || image.Pin
}

func (g *gathering) hold(p *spec.Preload, name, key, message, hint string) {
	g.held = append(g.held, Held{
		ID:      ID{Kind: KindImage, Name: name},
		Problem: &spec.Problem{Position: p.Pos, Path: "preload." + key, Message: message, Hint: hint},
	})
}

// full gives a reference as containerd keeps it. The spec's have been checked.
func full(name string) string {
	r, err := spec.ParseReference(name)
	if err != nil {
		return name
	}
	return r.String()
}

func short(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}

func firstFew(names []string) []string {
	if len(names) > 8 {
		return append(slices.Clone(names[:8]), fmt.Sprintf("and %d more", len(names)-8))
	}
	return names
}

// hintOf gives the advice that an error carries.
func hintOf(err error) string {
	if h, ok := err.(interface{ Advice() string }); ok { //nolint:errorlint // the archive's own error, not one that wraps it
		return h.Advice()
	}
	return ""
}
