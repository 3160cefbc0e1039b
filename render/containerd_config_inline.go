package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// inlineBody writes the roads as mirrors and configs.tls of the registry table, for a containerd that does not read certs.d.
// After the endpoints of a mirror, containerd asks the registry itself (1.4: pkg/server, registryEndpoints).
func inlineBody(roads []Road) []byte {
	var b strings.Builder
	var unverified []string
	for _, road := range roads {
		var urls []string
		for _, e := range road.Asks() {
			urls = append(urls, tomlString(inlineURL(e)))
			if host := inlineHost(e); e.SkipVerify && !slices.Contains(unverified, host) {
				unverified = append(unverified, host)
			}
		}
		fmt.Fprintf(&b, "[mirrors.%s]\nendpoint = [%s]\n", tomlString(road.Host), strings.Join(urls, ", "))
	}
	for _, host := range unverified {
		fmt.Fprintf(&b, "[configs.%s.tls]\ninsecure_skip_verify = true\n", tomlString(host))
	}
	return []byte(b.String())
}

// inlineURL gives the endpoint as containerd wants it inline: /v2 is added to an empty path only, any other is the API root.
func inlineURL(e Endpoint) string {
	_, rest, _ := strings.Cut(e.URL, "://")
	if strings.Contains(rest, "/") && !e.Root {
		return e.URL + "/v2"
	}
	return e.URL
}

// inlineHost gives the host or host:port of an endpoint, by which the TLS settings of inline configs go.
func inlineHost(e Endpoint) string {
	_, rest, _ := strings.Cut(e.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// inlineProblem gives the first thing that inline mirrors cannot say and that must not be left out.
func inlineProblem(roads []Road) *spec.Problem {
	for _, road := range roads {
		refuse := func(what string) *spec.Problem {
			return &spec.Problem{
				Position: road.From, Message: fmt.Sprintf("%s of %q needs certs.d, which this node's containerd does not read", what, road.Host),
				Hint: "containerd 1.5 and later read it",
			}
		}
		if road.Blocked {
			return refuse("blocked")
		}
		for _, e := range road.Asks() {
			switch {
			case len(e.CA) > 0:
				return refuse("ca")
			case len(e.Cert) > 0:
				return refuse("client")
			case e.Credential != "":
				return refuse("credentials")
			case len(e.Header) > 0:
				return refuse("header")
			}
		}
	}
	return nil
}

// inlineWarnings gives what inline mirrors cannot say and pulls can do without.
func inlineWarnings(roads []Road) []*spec.Problem {
	var out []*spec.Problem
	for _, road := range roads {
		if road.Server != nil && !slices.ContainsFunc(road.Asks(), func(e Endpoint) bool { return e.Upstream }) {
			out = append(out, &spec.Problem{
				Position: road.From, Message: fmt.Sprintf("without certs.d, containerd asks %q itself after its mirrors", road.Host),
				Hint: "fallback: false needs containerd 1.5 or later",
			})
		}
	}
	return out
}
