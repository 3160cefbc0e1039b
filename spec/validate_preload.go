package spec

import (
	"path"
	"strings"
)

func (c *checker) checkPreload() {
	list := (*place)(nil).at("preload")
	first := map[string]Position{}
	for i := range c.Preload {
		l, p := &c.Preload[i], list.nth(i)
		switch {
		case c.partial:
		case l.Archive == "" && l.Image == "":
			c.report(nil, p, "give archive or image", "names neither an archive nor an image")
		case l.Archive != "" && l.Image != "":
			c.report(nil, p.at("image"), "make two entries of it", "stands beside archive")
		case l.Archive != "":
			c.checkArchive(l, p)
			c.only("archive", p, map[string]bool{"refresh": l.Refresh})
		default:
			c.checkImage(p.at("image"), l.Image)
			c.only("image", p, map[string]bool{
				"sha256": l.SHA256 != "", "images": l.Images != nil, "as": l.As != nil, "keep": l.Keep,
			})
		}
		name := l.Archive + l.Image
		if at, again := first[name]; again && name != "" && l.Platform == "" {
			c.twice(p, name, at)
		}
		first[name] = l.Pos
		if l.Platform != "" && !platform().MatchString(l.Platform) {
			c.wrong(p.at("platform"), l.Platform, "is not os/arch or os/arch/variant", "write it like linux/arm64 or linux/arm/v7")
		}
		if l.SHA256 != "" && !sha256Hex().MatchString(l.SHA256) {
			hint := ""
			if rest, found := strings.CutPrefix(strings.ToLower(l.SHA256), "sha256:"); (found || rest != l.SHA256) && sha256Hex().MatchString(rest) {
				hint = "write " + rest
			}
			c.wrong(p.at("sha256"), l.SHA256, "is not 64 lower-case hex digits", hint)
		}
		for j, image := range l.Images {
			c.checkImage(p.at("images").nth(j), image)
		}
		for from, to := range l.As {
			c.checkImage(p.at("as").at(from), from)
			c.checkImage(p.at("as").at(from), to)
		}
	}
	for i, image := range c.Verify.Images {
		c.checkImage((*place)(nil).at("verify").at("images").nth(i), image)
	}
}

var (
	platform  = pattern(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?$`)
	sha256Hex = pattern(`^[0-9a-f]{64}$`)
)

// only reports keys that mean something for the other kind of entry.
func (c *checker) only(kind string, p *place, given map[string]bool) {
	for name, is := range given {
		if is {
			c.report(nil, p.at(name), "take it out", "means nothing beside %s", kind)
		}
	}
}

func (c *checker) checkArchive(l *Preload, p *place) {
	scheme, _, found := strings.Cut(l.Archive, "://")
	at := p.at("archive")
	switch {
	case !found:
		if _, err := path.Match(l.Archive, ""); err != nil {
			c.wrong(at, l.Archive, "is not a glob", "")
		}
		if l.Keep {
			c.report(nil, p.at("keep"), "take it out", "is for archives that are fetched; a file is kept in any case")
		}
	case scheme == "http":
		c.report(nil, at, "use https://, or a file", "an archive is not fetched over plain http")
	case scheme != "https":
		c.report(nil, at, didYouMean(scheme, []string{"https"}), "scheme %s is not https", quote(scheme))
	default:
		host, rest, _ := strings.Cut(strings.TrimPrefix(l.Archive, "https://"), "/")
		if strings.Contains(host, "@") {
			c.report(nil, at, "", "holds a user or password")
		} else if what, hint := badHost(host); what != "" {
			c.report(nil, at, hint, "%s", what)
		} else if rest == "" {
			c.wrong(at, l.Archive, "names no file", "")
		}
		if l.SHA256 == "" && !c.partial {
			c.report(nil, p.at("sha256"), "give the archive's sha256", "is missing: an archive that is fetched is checked against it")
		}
	}
}

// checkImage checks an image reference, by Docker's rules.
func (c *checker) checkImage(p *place, image string) {
	if image == "" {
		return
	}
	if _, err := ParseReference(image); err != nil {
		hint := ""
		if strings.Contains(image, "://") {
			hint = "write it without " + image[:strings.Index(image, "://")+3]
		} else if lower := strings.ToLower(image); lower != image {
			if _, err := ParseReference(lower); err == nil {
				hint = "write repositories in lower case"
			}
		}
		c.wrong(p, image, "is not an image reference", hint)
	}
}
