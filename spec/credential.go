package spec

import (
	"slices"
	"strconv"
	"strings"
)

// CredentialUse is a place of the spec that names a credential for what containerd asks: a registry, or an endpoint of a mirror.
type CredentialUse struct {
	Credential string   // its name
	Servers    []string // by which names of Docker's config or of a helper it may be known there, the likeliest first
	Path       string   // registries[1].credentials
	Position   Position // of the entry
}

// CredentialUses lists the places that name a credential, in the order of the spec. Pull secrets are not among them.
func (s *Spec) CredentialUses() []CredentialUse {
	var uses []CredentialUse
	add := func(name, path string, at Position, servers ...string) {
		if name != "" {
			uses = append(uses, CredentialUse{name, slices.Compact(servers), path + ".credentials", at})
		}
	}
	for i := range s.Registries {
		r := &s.Registries[i]
		servers := []string{r.Host}
		if r.Server != "" {
			servers = append(servers, authority(r.Server))
		}
		add(r.Credentials, "registries["+strconv.Itoa(i)+"]", r.Pos, servers...)
	}
	for i := range s.Mirrors {
		for j := range s.Mirrors[i].Endpoints {
			e := &s.Mirrors[i].Endpoints[j]
			add(e.Credentials, "mirrors["+strconv.Itoa(i)+"].endpoints["+strconv.Itoa(j)+"]", e.Pos, authority(e.URL))
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
