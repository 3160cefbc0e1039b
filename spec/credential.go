package spec

import (
	"strconv"
	"strings"
)

// CredentialUse is a place of the spec that names a credential: a registry, an endpoint of a mirror, or a pull secret for one registry.
type CredentialUse struct {
	Credential string   // its name
	Servers    []string // by which names of Docker's config or of a helper it may be known there, the likeliest first
	Path       string   // registries[1].credentials
	Position   Position // of the entry
}

// CredentialUses lists the places that name a credential for what containerd asks, in the order of the spec. Pull secrets are not among
// them: see [Spec.SecretUses].
func (s *Spec) CredentialUses() []CredentialUse {
	var uses []CredentialUse
	for i := range s.Registries {
		r := &s.Registries[i]
		if r.Credentials == "" {
			continue
		}
		uses = append(uses, CredentialUse{r.Credentials, r.known(), "registries[" + strconv.Itoa(i) + "].credentials", r.Pos})
	}
	for i := range s.Mirrors {
		for j := range s.Mirrors[i].Endpoints {
			e := &s.Mirrors[i].Endpoints[j]
			if e.Credentials != "" {
				path := "mirrors[" + strconv.Itoa(i) + "].endpoints[" + strconv.Itoa(j) + "].credentials"
				uses = append(uses, CredentialUse{e.Credentials, []string{authority(e.URL)}, path, e.Pos})
			}
		}
	}
	return uses
}

// Credential finds a credential by its name, and its index; nil where there is none.
func (s *Spec) Credential(name string) (*Credential, int) {
	for i := range s.Credentials {
		if s.Credentials[i].Name == name {
			return &s.Credentials[i], i
		}
	}
	return nil, -1
}

// authority is host or host:port of a URL.
func authority(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "/")
	return rest
}

// checkLogin refuses a header that a credential is too.
func (c *checker) checkLogin(credential string, header map[string][]string, p *place) {
	for name := range header {
		if credential != "" && strings.EqualFold(name, "Authorization") {
			c.report(nil, p.at("header").at(name), "take out either", "stands beside credentials, which become that very header")
		}
	}
}

// SecretUses lists the registries that a pull secret is for, each once, in the order of its credentials. The first of Servers is the
// registry's name in image references.
func (s *Spec) SecretUses(i int) []CredentialUse {
	var uses []CredentialUse
	secret := &s.PullSecrets[i]
	seen := map[string]bool{}
	for j, name := range secret.Credentials {
		for _, servers := range s.servers(name) {
			if seen[servers[0]] {
				continue // validation has refused a second credential for it
			}
			seen[servers[0]] = true
			path := "pullSecrets[" + strconv.Itoa(i) + "].credentials[" + strconv.Itoa(j) + "] for " + servers[0]
			uses = append(uses, CredentialUse{name, servers, path, secret.Pos})
		}
	}
	return uses
}

// servers gives the registries that a credential is for: those that it names, else those that name it. Each is a list of names by which
// it may be known, the one of image references first.
func (s *Spec) servers(credential string) [][]string {
	var list [][]string
	named, _ := s.Credential(credential)
	if named == nil {
		return nil
	}
	known := map[string]*Registry{}
	for i := range s.Registries {
		r := &s.Registries[i]
		known[r.Host] = r
		if named.Registries == nil && r.Credentials == credential {
			list = append(list, r.known())
		}
	}
	for _, host := range named.Registries {
		if r := known[host]; r != nil {
			list = append(list, r.known())
			continue
		}
		list = append(list, []string{host})
	}
	return list
}

// known gives the names by which a registry may be known to Docker's config or a helper, the likeliest first.
func (r *Registry) known() []string {
	if server := authority(r.Server); server != "" && server != r.Host {
		return []string{r.Host, server}
	}
	return []string{r.Host}
}
