package spec

import (
	"strings"
)

func (c *checker) checkCredentials() {
	first := map[string]Position{}
	used := c.credentialsUsed()
	list := (*place)(nil).at("credentials")
	for i := range c.Credentials {
		cr, p := &c.Credentials[i], list.nth(i)
		c.checkSource(cr, p)
		hosts := map[string]bool{}
		for j, host := range cr.Registries {
			if host == "" {
				continue
			}
			if what, hint := badRegistry(host); what != "" {
				c.wrong(p.at("registries").nth(j), host, what, hint)
			} else if hosts[host] {
				c.report(nil, p.at("registries").nth(j), "", "%s stands twice", quote(host))
			}
			hosts[host] = true
		}
		if cr.Name == "" {
			continue
		}
		if at, again := first[cr.Name]; again {
			c.twice(p.at("name"), cr.Name, at)
			continue
		}
		first[cr.Name] = cr.Pos
		if !used[cr.Name] && cr.Registries == nil && !c.partial {
			c.report(nil, p.at("name"), "name it in a registry, or say registries here", "no registry names the credentials %s", quote(cr.Name))
		}
	}
}

// credentialsUsed collects the names that are referred to, and reports those that are not there.
func (c *checker) credentialsUsed() map[string]bool {
	known := map[string]bool{}
	var names []string
	for _, cr := range c.Credentials {
		known[cr.Name] = true
		names = append(names, cr.Name)
	}
	used := map[string]bool{}
	refer := func(name string, at func() *place) {
		used[name] = true
		if name != "" && !known[name] && !c.partial {
			c.report(nil, at(), didYouMean(name, names), "no entry of credentials is called %s", quote(name))
		}
	}
	for i, r := range c.Registries {
		refer(r.Credentials, func() *place { return (*place)(nil).at("registries").nth(i).at("credentials") })
	}
	for i, m := range c.Mirrors {
		for j, e := range m.Endpoints {
			refer(e.Credentials, func() *place {
				return (*place)(nil).at("mirrors").nth(i).at("endpoints").nth(j).at("credentials")
			})
		}
	}
	for i, s := range c.PullSecrets {
		for j, name := range s.Credentials {
			refer(name, func() *place { return (*place)(nil).at("pullSecrets").nth(i).at("credentials").nth(j) })
		}
	}
	return used
}

var (
	helperName = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	envName    = pattern(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// checkSource checks that a credential comes from one place only.
func (c *checker) checkSource(cr *Credential, p *place) {
	var given []string
	for _, key := range []struct {
		name  string
		given bool
	}{{"username", cr.Username != "" || cr.Password != nil}, {"dockerConfig", cr.DockerConfig != ""}, {"helper", cr.Helper != ""}} {
		if key.given {
			given = append(given, key.name)
		}
	}
	const want = "give username and password, or dockerConfig, or helper"
	switch {
	case c.partial:
	case len(given) == 0:
		c.report(nil, p, want, "says of no place where the credentials are")
	case len(given) > 1:
		c.report(nil, p.at(given[1]), want, "stands beside %s", given[0])
	case given[0] == "username" && cr.Password == nil:
		c.report(nil, p.at("password"), want, "is missing")
	case given[0] == "username" && cr.Username == "":
		c.report(nil, p.at("username"), want, "is missing")
	}
	if strings.Contains(cr.Username, ":") {
		c.report(nil, p.at("username"), "", "has a colon, which ends the user name in basic authentication")
	}
	if cr.Helper != "" && !helperName().MatchString(cr.Helper) {
		c.wrong(p.at("helper"), cr.Helper, "is not the NAME of a program docker-credential-NAME", "")
	}
	c.checkPath(p.at("dockerConfig"), cr.DockerConfig)
	if cr.Password != nil {
		c.checkSecret(cr.Password, p.at("password"))
	}
}

func (c *checker) checkSecret(s *Secret, p *place) {
	given := 0
	for _, is := range []bool{s.File != "", s.Env != "", s.Command != nil, s.Systemd != ""} {
		if is {
			given++
		}
	}
	if given != 1 && !c.partial {
		c.report(nil, p, "give one of file, env, command or systemd", "wants exactly one source, found %d", given)
	}
	c.checkPath(p.at("file"), s.File)
	if s.Env != "" && !envName().MatchString(s.Env) {
		c.wrong(p.at("env"), s.Env, "is not the name of an environment variable", "")
	}
	if s.Command != nil && len(s.Command) == 0 {
		c.report(nil, p.at("command"), "", "is empty")
	}
	if s.Systemd != "" && (strings.Contains(s.Systemd, "/") || s.Systemd == "." || s.Systemd == "..") {
		c.wrong(p.at("systemd"), s.Systemd, "is not the name of a systemd credential", "name it as in LoadCredential=NAME:PATH")
	}
}
