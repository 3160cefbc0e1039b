package spec

import (
	"strconv"
	"strings"
)

func (c *checker) checkPolicy() {
	p := (*place)(nil).at("policy")
	if c.Policy.MaxRemovals < 0 {
		c.report(nil, p.at("maxRemovals"), "", "%d is less than nothing", c.Policy.MaxRemovals)
	}
	if c.Policy.History < 1 && !c.partial {
		c.report(nil, p.at("history"), "", "%d keeps no generation, and one is needed to go back to", c.Policy.History)
	}
	for i, tool := range c.Policy.AdoptFrom {
		if tool != "" && !label().MatchString(tool) {
			c.wrong(p.at("adoptFrom").nth(i), tool, "is not the name of a tool", "write it like k3s or spegel")
		}
	}
	effects := p.at("effects")
	if w := c.Policy.Effects.Window; w != "" {
		if _, err := ParseWindow(w); err != nil {
			c.report(nil, effects.at("window"), `write it like "Sat 02:00-04:00" or "Mon-Fri 22:00-05:00"`, "%s", err)
		}
	} else if c.Policy.Effects.Restart == "window" && !c.partial {
		c.report(nil, effects.at("window"), `write it like "Sat 02:00-04:00"`, "is missing, and restart waits for it")
	}
}

var addonSize = pattern(`^[1-9][0-9]*Gi$`)

// checkAddons checks the size as MicroK8s' add-on does (addons/registry/enable: Gi only, at least 20).
func (c *checker) checkAddons() {
	r := c.Addons.Registry
	if r == nil {
		return
	}
	p := (*place)(nil).at("addons").at("registry")
	if r.Size != "" {
		number, _ := strings.CutSuffix(r.Size, "Gi")
		n, err := strconv.Atoi(number)
		switch {
		case !addonSize().MatchString(r.Size):
			c.wrong(p.at("size"), r.Size, "is not a size that the add-on takes", "write whole Gi: 40Gi")
		case err == nil && n < 20:
			c.wrong(p.at("size"), r.Size, "is less than 20Gi, the least that the add-on takes", "")
		}
	}
	c.checkObject(p.at("storageClass"), r.StorageClass)
}
