package render

import (
	"maps"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// authorization is the header that a credential becomes. containerd sends the headers of hosts.toml with every request to the
// registry, and reads the file anew for each pull: no restart is needed. From 2.x on it sends them to the place that gives out tokens
// too, before that it does not (seen on 1.6.36, 1.7.35, 2.1.9 and 2.2.9).
const authorization = "Authorization"

// login gives e the header of the credential that a place of the spec names; nothing where it names none.
func (c *chart) login(e *Endpoint, credential string, at place) {
	if credential == "" {
		return
	}
	login, ok := c.in.Credentials[at.path("credentials")]
	if !ok && c.in.Layout.Runtime == NoRuntime {
		return // nothing is written for it
	}
	if !ok {
		c.refuse(at.pos, at.path("credentials"), "nothing is known of the credential "+quote(credential), "")
		return
	}
	e.Credential, e.Unknown = credential, login.Problem
	if e.Unknown == nil {
		e.Header = maps.Clone(e.Header)
		if e.Header == nil {
			e.Header = map[string][]string{}
		}
		e.Header[authorization] = []string{login.basic()}
	}
	if e.Plain() && !loopback(e.Authority()) {
		c.warn(at.pos, at.path("credentials"), quote(e.URL)+" is plain http: user name and password are sent in clear", "let the registry speak https")
	}
	if host := e.Authority(); c.in.Containerd.Before(2, 0) && givesTokens(host) {
		c.warn(at.pos, at.path("credentials"),
			quote(host)+" wants tokens, and containerd "+c.in.Containerd.String()+" sends no credential of hosts.toml to where they are given out: "+
				"private images are refused as before",
			"use a pull secret, or registry.configs."+quote(host)+".auth in containerd's config; containerd 2.x needs neither")
	}
}

// tokenRegistries are public registries of which it is known that they take tokens only. Of a private one the spec does not say how it
// wants to be asked, and most that answer "who are you?" at all take user name and password from 1.x as well: of these nothing is
// said rather than something wrong.
var tokenRegistries = []string{
	"docker.io", "registry-1.docker.io", "index.docker.io", "ghcr.io", "quay.io", "registry.gitlab.com", "gcr.io", "nvcr.io", "registry.redhat.io",
}

// givesTokens reports whether a host is known to take tokens only.
func givesTokens(host string) bool {
	host = strings.TrimSuffix(host, ":443")
	return slices.Contains(tokenRegistries, host) || strings.HasSuffix(host, ".gcr.io") || strings.HasSuffix(host, ".pkg.dev")
}

// loopback reports whether a host, or host:port, is this node itself.
func loopback(host string) bool {
	name := hostname(host)
	return name == "localhost" || strings.HasPrefix(name, "127.") || name == "::1"
}

// lacking gives why a hosts.toml that names these endpoints cannot be written now; nil where it can.
func lacking(asks []Endpoint) *spec.Problem {
	for i := range asks {
		if asks[i].Unknown != nil {
			return asks[i].Unknown
		}
	}
	return nil
}

// stillInline gives why inline mirrors cannot move to certs.d now: what a registry that is held has in the config would be lost.
func stillInline(roads []Road, in Inputs) *spec.Problem {
	config, err := Effective(in.Layout.ConfigFile, in.Config, in.Imports, in.Containerd)
	if err != nil || config.State != ConfigLegacy {
		return nil
	}
	inline := newLegacy(config)
	for i := range roads {
		problem := lacking(roads[i].Asks())
		_, all := inline.mirrors[spec.AnyRegistry]
		if problem != nil && (all || slices.Contains(inline.hosts, roads[i].Host)) {
			return problem
		}
	}
	return nil
}

// because adds the credentials that a file holds to why it is there.
func because(why string, asks []Endpoint) string {
	names := Credentials(asks)
	switch len(names) {
	case 0:
		return why
	case 1:
		return why + ", credential " + names[0]
	}
	return why + ", credentials " + strings.Join(names, ", ")
}

// Credentials gives the names of the credentials that endpoints are shown, each once, in order.
func Credentials(asks []Endpoint) []string {
	var names []string
	for i := range asks {
		if name := asks[i].Credential; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Rotated gives the names of the credentials that changed between two versions of a hosts.toml of ours, the later of which is for
// asks. It is empty where anything else changed too.
func Rotated(before, after []byte, asks []Endpoint) []string {
	was, is := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
	if len(was) != len(is) {
		return nil
	}
	var changed []string
	for i := range is {
		if was[i] == is[i] {
			continue
		}
		j := slices.IndexFunc(asks, func(e Endpoint) bool {
			return e.Credential != "" && is[i] == loginLine(e) && strings.HasPrefix(was[i], loginStart)
		})
		if j < 0 {
			return nil
		}
		if name := asks[j].Credential; !slices.Contains(changed, name) {
			changed = append(changed, name)
		}
	}
	return changed
}

// loginStart is how the line of a credential begins.
const loginStart = `"` + authorization + `" = `

func loginLine(e Endpoint) string {
	return loginStart + string(appendList(nil, e.Header[authorization]))
}
