package spec

import (
	"path"
	"strings"
)

var (
	// label and subdomain are RFC 1123's, as Kubernetes names namespaces and most other objects.
	label     = pattern(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	subdomain = pattern(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	namespace = pattern(`^[a-z0-9*?\[\]!^-]+$`)
)

func (c *checker) checkPullSecrets() {
	list := (*place)(nil).at("pullSecrets")
	for i := range c.PullSecrets {
		s, p := &c.PullSecrets[i], list.nth(i)
		c.checkObject(p.at("name"), s.Name)
		if s.Credentials != nil && len(s.Credentials) == 0 {
			c.report(nil, p.at("credentials"), "", "is empty")
		}
		c.checkRegistriesOf(i, p.at("credentials"))
		switch {
		case c.partial:
		case s.Namespaces == nil && s.NamespaceSelector == nil:
			c.report(nil, p, "give namespaces or namespaceSelector", "names no namespaces")
		case s.Namespaces != nil && s.NamespaceSelector != nil:
			c.report(nil, p.at("namespaceSelector"), "take out either", "stands beside namespaces")
		case s.Namespaces != nil && len(s.Namespaces) == 0:
			c.report(nil, p.at("namespaces"), "", "is empty")
		}
		for j, n := range s.Namespaces {
			if n != "" {
				c.checkNamespace(p.at("namespaces").nth(j), n)
			}
		}
		if s.NamespaceSelector != nil && s.NamespaceSelector.MatchLabels != nil && len(s.NamespaceSelector.MatchLabels) == 0 {
			c.report(nil, p.at("namespaceSelector").at("matchLabels"), `for every namespace write namespaces: ["*"]`, "is empty")
		}
		for j, n := range s.ServiceAccounts {
			c.checkObject(p.at("serviceAccounts").nth(j), n)
		}
	}
	c.checkSecretsTwice()
}

// checkObject checks the name of a Kubernetes object.
func (c *checker) checkObject(p *place, name string) {
	if name != "" && (len(name) > 253 || !subdomain().MatchString(name)) {
		c.wrong(p, name, "is not a name that Kubernetes allows: lower-case letters, digits, - and .", "")
	}
}

func (c *checker) checkNamespace(p *place, n string) {
	glob := strings.ContainsAny(n, "*?[")
	_, err := path.Match(n, "")
	switch {
	case !glob && (len(n) > 63 || !label().MatchString(n)):
		c.wrong(p, n, "is not the name of a namespace: lower-case letters, digits and -", "")
	case glob && (err != nil || !namespace().MatchString(n)):
		c.wrong(p, n, "is not a glob for namespaces", "")
	}
}

// checkSecretsTwice finds two secrets of one name for one namespace, as far as names and globs tell.
func (c *checker) checkSecretsTwice() {
	byName := map[string][]int{}
	for i, s := range c.PullSecrets {
		for _, other := range byName[s.Name] {
			if n := overlap(c.PullSecrets[other].Namespaces, s.Namespaces); n != "" && s.Name != "" {
				c.report(nil, (*place)(nil).at("pullSecrets").nth(i).at("name"), "",
					"%s stands at %s already, for the namespace %s too", quote(s.Name), c.PullSecrets[other].Pos, n)
				break
			}
		}
		byName[s.Name] = append(byName[s.Name], i)
	}
}

func overlap(a, b []string) string {
	for _, x := range a {
		for _, y := range b {
			if ok, _ := path.Match(x, y); ok || x == y {
				return y
			}
			if ok, _ := path.Match(y, x); ok {
				return x
			}
		}
	}
	return ""
}

// checkRegistriesOf checks that each credential of a pull secret is for some registry, and no two for the same one: the secret holds one
// user name and password for each.
func (c *checker) checkRegistriesOf(i int, p *place) {
	first := map[string]string{} // credential, by registry
	for j, name := range c.PullSecrets[i].Credentials {
		registries := c.servers(name)
		if known, _ := c.Credential(name); known != nil && len(registries) == 0 && !c.partial {
			c.report(nil, p.nth(j), "say registries there, by their names in image references", "the credentials %s are for no registry", quote(name))
		}
		for _, names := range registries {
			if other, again := first[names[0]]; again && other != name {
				c.report(nil, p.nth(j), "leave one of them out, or make two secrets", "%s and %s are both for %s", quote(other), quote(name), quote(names[0]))
			}
			first[names[0]] = name
		}
	}
}
