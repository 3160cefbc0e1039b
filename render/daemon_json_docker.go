package render

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// dockerResource gives what s asks of daemon.json: the insecure endpoints that are not loopback, which dockerd never verifies
// anyway, and the mirrors of docker.io, the only registry that dockerd has mirrors for. It is false where Docker is not managed,
// or s asks for nothing. A warning says what dockerd cannot do of what s says.
func dockerResource(s *spec.Spec, in Inputs) (Resource, []*spec.Problem, bool) {
	if in.Layout.DaemonJSON == "" {
		return Resource{}, nil, false
	}
	insecure, insecureFrom := dockerInsecure(s)
	mirrors, mirrorsFrom, warnings := dockerMirrors(s)
	var keys, why []string
	var from spec.Position
	if len(mirrors) > 0 {
		from, why = mirrorsFrom, []string{"mirrors of docker.io"}
	}
	if len(insecure) > 0 {
		keys = append(keys, quoteJSON(insecureKey)+":["+quoteAll(insecure, ",")+"]")
		from, why = insecureFrom, slices.Insert(why, 0, "insecure endpoints")
	}
	if len(mirrors) > 0 {
		keys = append(keys, quoteJSON(mirrorsKey)+":["+quoteAll(mirrors, ",")+"]")
	}
	if len(keys) == 0 {
		return Resource{}, warnings, false
	}
	return Resource{
		ID:     ID{Kind: KindFile, Name: in.Layout.DaemonJSON},
		Scope:  JSONKeys,
		Body:   []byte("{" + strings.Join(keys, ",") + "}"),
		Mode:   0o644,
		Effect: ReloadDocker,
		From:   from,
		Why:    strings.Join(why, ", "),
	}, warnings, true
}

// dockerInsecure gives the values of insecure-registries, and the entry of the first.
func dockerInsecure(s *spec.Spec) (values []string, from spec.Position) {
	known := map[string]bool{}
	for _, e := range s.Insecure {
		value := e.Host()
		if e.CIDR() {
			value = e.Value
		}
		if isLoopback(value) || known[FoldInsecure(value)] {
			continue
		}
		known[FoldInsecure(value)] = true
		if len(values) == 0 {
			from = e.Pos
		}
		values = append(values, value)
	}
	return values, from
}

// isLoopback reports whether value, host[:port] or a CIDR, is within what dockerd takes as insecure by itself: localhost,
// 127.0.0.0/8 and ::1.
func isLoopback(value string) bool {
	if p, err := netip.ParsePrefix(value); err == nil {
		return p.Addr().IsLoopback() && (p.Addr().Is6() && p.Bits() == 128 || p.Addr().Is4() && p.Bits() >= 8)
	}
	host := strings.Trim(hostName(value), "[]")
	if a, err := netip.ParseAddr(strings.Trim(value, "[]")); err == nil {
		return a.IsLoopback()
	}
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.IsLoopback()
}

// dockerMirrors gives the values of registry-mirrors, and the entry that asks for them.
func dockerMirrors(s *spec.Spec) (values []string, from spec.Position, warnings []*spec.Problem) {
	known := map[string]bool{}
	for i, m := range s.Mirrors {
		if m.Registry != "docker.io" { // of a mirror of "*" dockerd asks everything in Docker Hub's name only
			continue
		}
		for j, e := range m.Endpoints {
			warn := func(message, hint string) {
				path := fmt.Sprintf("mirrors[%d].endpoints[%d]", i, j)
				warnings = append(warnings, &spec.Problem{Position: e.Pos, Path: path, Message: message, Hint: hint})
			}
			if len(e.Capabilities) > 0 && !slices.Contains(e.Capabilities, "pull") {
				continue
			}
			value, ok := dockerMirror(e)
			if !ok {
				warn(fmt.Sprintf("Docker takes no mirror with a path, and does not get %q", e.URL), "give Docker's mirror a name or a port of its own")
				continue
			}
			dockerDoubts(e, value, warn)
			if known[FoldMirror(value)] {
				continue
			}
			known[FoldMirror(value)] = true
			values = append(values, value)
		}
		if from = m.Pos; len(values) > 0 && !m.Fallback {
			warnings = append(warnings, &spec.Problem{
				Position: m.Pos, Path: fmt.Sprintf("mirrors[%d].fallback", i),
				Message: "Docker asks Docker Hub itself where its mirrors do not answer; fallback: false holds for containerd alone",
			})
		}
	}
	return values, from, warnings
}

// dockerMirror gives e as dockerd takes it: without a path, to which it adds /v2 itself. It is false where there is no such form.
func dockerMirror(e spec.Endpoint) (string, bool) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return "", false
	}
	path := strings.TrimSuffix(u.Path, "/")
	root := e.OverridePath == spec.OverrideYes || e.OverridePath != spec.OverrideNo && path == "/v2"
	if path == "" && !root || path == "/v2" && root {
		return u.Scheme + "://" + u.Host, true
	}
	return "", false
}

// dockerDoubts warns of what of a mirror Docker is not told by daemon.json.
func dockerDoubts(e spec.Endpoint, value string, warn func(message, hint string)) {
	host := value[strings.Index(value, "://")+3:]
	if len(e.CA) > 0 {
		warn("Docker is not told the ca of this mirror", fmt.Sprintf("put it into /etc/docker/certs.d/%s/ca.crt, if Docker is to use the mirror too", host))
	}
	if e.Client != nil {
		warn("Docker is not told the client certificate of this mirror", fmt.Sprintf("put it into /etc/docker/certs.d/%s as client.cert and client.key, if Docker is to use the mirror too", host))
	}
	if len(e.Header) > 0 {
		warn("Docker sends no headers to a mirror", "")
	}
	if len(e.Capabilities) > 0 && !slices.Contains(e.Capabilities, "resolve") {
		warn("Docker asks this mirror for tags too", "")
	}
}

// DaemonKeys names the keys of daemon.json that a Body of ours gives values to.
func DaemonKeys(body []byte) []string {
	var keys []string
	for _, key := range []string{insecureKey, mirrorsKey} {
		if bytes.Contains(body, []byte(`"`+key+`"`)) {
			keys = append(keys, key)
		}
	}
	return keys
}
