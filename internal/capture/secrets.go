package capture

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// pullSecrets adds the cluster's pull secrets, first those that are taken over. One entry is for all namespaces in which a secret holds the same
// and the same service accounts refer to it, so that none gets a reference that it has not.
func (c *capturer) pullSecrets() {
	if len(c.Secrets) == 0 {
		return
	}
	c.draft.Cluster = c.Cluster
	for _, left := range []bool{false, true} {
		for _, f := range c.Secrets {
			if why := c.leaveSecret(f); (why != "") == left {
				c.pullSecret(f, why)
			}
		}
	}
}

// pullSecret adds a secret in one namespace; why says why it is commented out.
func (c *capturer) pullSecret(f render.FoundSecret, why string) {
	i := slices.IndexFunc(c.draft.PullSecrets, func(n draft.Noted[spec.PullSecret]) bool { return n.Left == why && c.alike(n.Value, f) })
	if i >= 0 {
		p := &c.draft.PullSecrets[i].Value
		p.Namespaces = append(p.Namespaces, f.Namespace)
		return
	}
	n := draft.Noted[spec.PullSecret]{Left: why, Value: spec.PullSecret{
		Name: f.Name, Credentials: []string{}, Namespaces: []string{f.Namespace}, ServiceAccounts: f.Accounts,
	}}
	for _, l := range f.Logins {
		name, note := c.draft.Grant(l, fmt.Sprintf("in the secret %s/%s", f.Namespace, f.Name), c.Digest)
		n.Value.Credentials = append(n.Value.Credentials, name)
		if note != "" {
			n.Notes = append(n.Notes, note)
		}
	}
	c.draft.PullSecrets = append(c.draft.PullSecrets, n)
}

// alike reports whether an entry is for a secret in one more namespace.
func (c *capturer) alike(p spec.PullSecret, f render.FoundSecret) bool {
	i := slices.IndexFunc(c.Secrets, func(o render.FoundSecret) bool { return o.Name == p.Name && o.Namespace == p.Namespaces[0] })
	first := c.Secrets[i]
	return p.Name == f.Name && slices.Equal(first.Logins, f.Logins) && slices.Equal(first.Accounts, f.Accounts)
}

// leaveSecret says why a secret is commented out; empty: it is taken over.
func (c *capturer) leaveSecret(f render.FoundSecret) string {
	if why := obstacle(f); why != "" {
		return why
	}
	var others []string
	how := "other passwords"
	for _, o := range c.Secrets {
		if o.Name != f.Name || obstacle(o) != "" || slices.Equal(o.Logins, f.Logins) {
			continue
		}
		others = append(others, o.Namespace)
		if !slices.EqualFunc(o.Logins, f.Logins, func(a, b render.FoundLogin) bool { return a.Registry == b.Registry && a.Username == b.Username }) {
			how = "other registries or user names"
		}
	}
	if others == nil {
		return ""
	}
	if n := len(others) - 3; n > 0 {
		others = append(others[:3], fmt.Sprintf("%d more", n))
	}
	return fmt.Sprintf("the secret of this name has %s in %s. If that is meant, take the comment marks off each", how, strings.Join(others, ", "))
}

// obstacle says why a secret cannot be taken over; empty: it can.
func obstacle(f render.FoundSecret) string {
	id := f.Namespace + "/" + f.Name
	owner, others := strings.CutPrefix(f.Keeper, render.Ours+" of ")
	switch {
	case others:
		return fmt.Sprintf("%s is regsync's for another owner, %s", id, owner)
	case f.Keeper != "" && f.Keeper != render.Ours:
		return fmt.Sprintf("%s is %s's, which would write it again. Stop that first and list %s under policy.adoptFrom, or leave the secret to it", id, f.Keeper, f.Keeper)
	case f.Obstacle != "":
		return id + " " + f.Obstacle
	}
	return ""
}
