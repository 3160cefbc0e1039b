package spec

import "strings"

// checker checks what the types cannot say. A zero value is something that the decoder has spoken of already, so the rules
// leave it alone.
type checker struct {
	*tree
	*Spec
	insecure map[string]Insecure // by host and port
}

// check finds everything that can be found without a node, and brings URLs into their normal form.
func check(t *tree, s *Spec) {
	c := &checker{tree: t, Spec: s, insecure: map[string]Insecure{}}
	c.checkNode()
	c.checkInsecure() // first: endpoints ask what it found
	c.checkRegistries()
	c.checkMirrors()
	c.checkEtcHosts()
	c.checkCredentials()
	c.checkPreload()
	c.checkPullSecrets()
	c.checkAddons()
	c.checkPolicy()
}

// wrong reports a value with its text before what is wrong with it. What may hold a user and a password is not shown.
func (c *checker) wrong(p *place, value, what, hint string) {
	if strings.Contains(value, "@") && !strings.Contains(value, "@sha256:") {
		c.report(nil, p, "", "%s", what)
		return
	}
	c.report(nil, p, hint, "%s %s", quote(value), what)
}

// twice reports an entry whose name an earlier one has.
func (c *checker) twice(p *place, name string, first Position) {
	c.report(nil, p, "", "%s stands at %s already", quote(name), first)
}
