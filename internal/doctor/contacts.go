package doctor

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/regsync/regsync/internal/probe"
)

// contacts are the traps of endpoints that do not answer as a registry does.
var contacts = []Rule{{
	ID: "endpoint-refused", Severity: Error, Family: Endpoints,
	Title:  "connection refused",
	Cause:  "The machine is there, and nobody listens on the port: the registry is down, listens on another address or port, or is not there yet.",
	Remedy: "start the registry, or name the port that it listens on",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if c.Failure != probe.NobodyListens {
			return nil
		}
		if c.BuiltIn() && f.AddOn != nil && f.AddOn.trouble() != "" {
			return nil // the rule of the add-on knows why
		}
		finding := c.found("%s refuses the connection", c.URL)
		port, here := c.local(f.Own)
		if here && f.Listening != nil && !f.Listening[port] {
			finding.Cause = fmt.Sprintf("%s refuses the connection: nothing on this node listens on port %d", c.URL, port)
			finding.Remedy = "start what shall listen there"
		}
		if c.BuiltIn() && c.Stock {
			finding.Severity = Info
			finding.Cause += "; MicroK8s' own file names it, for its built-in registry"
			finding.Remedy = enableAddOn
		}
		return c.mild(f, finding)
	}),
}, {
	ID: "registry-add-on", Severity: Error, Family: Endpoints,
	Title:  "MicroK8s' built-in registry is not up",
	Cause:  "localhost:32000 is a NodePort of MicroK8s' add-on registry. It answers once the add-on is enabled, its claim is bound (it needs hostpath-storage, unless a storage class is named) and its pod runs.",
	Remedy: "microk8s enable hostpath-storage, if the claim waits; kubectl -n container-registry describe pod,pvc says more",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if !c.BuiltIn() || c.Failure == "" || f.AddOn == nil || f.AddOn.trouble() == "" {
			return nil
		}
		finding := c.found("%s: %s", c.URL, f.AddOn.trouble())
		if !f.AddOn.Enabled {
			finding.Remedy = enableAddOn
			if c.Stock {
				finding.Severity = Info
			}
		}
		return one(finding)
	}),
}, {
	ID: "endpoint-unresolved", Severity: Error, Family: Endpoints,
	Title:  "the name of an endpoint has no address",
	Cause:  "Neither /etc/hosts nor DNS has an address for the name. Each pull waits for the answer, and goes on to the next endpoint.",
	Remedy: "add the name to DNS, or to /etc/hosts: address in the spec does so",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if c.Failure != probe.NoAddress {
			return nil
		}
		return c.mild(f, c.found("%s: the name has no address", c.URL))
	}),
}, {
	ID: "endpoint-unreachable", Severity: Error, Family: Endpoints,
	Title:  "an endpoint does not answer in time",
	Cause:  "No route leads there, or nothing comes back. containerd waits up to 30 seconds for the connection, at each request of each pull, before it goes on to the next endpoint.",
	Remedy: "look at the network between, or take the endpoint out",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if c.Failure != probe.NoAnswer && c.Failure != probe.OtherFailure {
			return nil
		}
		return c.mild(f, c.found("%s: %s", c.URL, c.Error))
	}),
}, {
	ID: "endpoint-http-for-https", Severity: Error, Family: Endpoints,
	Title:  "server gave HTTP response to HTTPS client",
	Cause:  "The endpoint is asked by https and answers in plain http. A host without a scheme, or a registry without a file of its own, is asked by https.",
	Remedy: "write http:// before the host, if it is to be plain http; regsync does so for hosts under insecure",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if c.Failure != probe.AnswersPlain {
			return nil
		}
		return one(c.found("%s answers in plain http: server gave HTTP response to HTTPS client", c.URL))
	}),
}, {
	ID: "endpoint-not-a-registry", Severity: Error, Family: Endpoints,
	Title:  "what answers is no registry",
	Cause:  "A portal, a web site or another service stands at the endpoint. One that answers 200 with a page ends the pull (\"unexpected media type text/html\"); one that answers 404 has containerd go on to the next.",
	Remedy: "name the registry's own host, port and path",
	check: eachContact(func(_ *Facts, c Contact) []Finding {
		switch {
		case c.Failure != "" || c.Status == 0:
			return nil
		case c.HTML && c.Status < 300:
			return one(c.found("%s answers with a page, as a web site does and no registry: pulls end there", c.URL))
		case c.Status == 404:
			return one(c.found("%s answers 404 to the question whether it is a registry", c.URL))
		}
		return nil
	}),
}, {
	ID: "endpoint-failing", Severity: Warning, Family: Endpoints,
	Title:  "an endpoint answers with an error of its own",
	Cause:  "A registry or a proxy before it answers 5xx. containerd goes on to the next endpoint.",
	Remedy: "look at the registry's log",
	check: eachContact(func(f *Facts, c Contact) []Finding {
		if c.Status < 500 {
			return nil
		}
		return c.mild(f, c.found("%s answers %d", c.URL, c.Status))
	}),
}}

// eachContact asks a rule about every endpoint that was asked.
func eachContact(check func(*Facts, Contact) []Finding) func(*Facts) []Finding {
	return func(f *Facts) []Finding {
		var all []Finding
		for _, c := range f.Contacts {
			all = append(all, check(f, c)...)
		}
		return all
	}
}

// found is a finding where the endpoint is named.
func (c Contact) found(format string, args ...any) Finding {
	return found(c.Path, c.Line, format, args...)
}

// mild makes little of a last resort that is not needed: it does not answer, and another endpoint of the same file does.
func (c Contact) mild(f *Facts, finding Finding) []Finding {
	if c.Upstream {
		for _, o := range f.Contacts {
			if o.Path == c.Path && !o.Upstream && o.Failure == "" && o.Status > 0 && o.Status < 500 {
				finding.Severity = Info
			}
		}
	}
	return one(finding)
}

// BuiltIn reports whether the endpoint is MicroK8s' built-in registry on this node.
func (c Contact) BuiltIn() bool {
	port, here := c.local(nil)
	return here && port == 32000
}

// local gives the port of an endpoint that is on this node.
func (c Contact) local(own []netip.Addr) (port int, here bool) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return 0, false
	}
	port, err = strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return port, true
	}
	address, err := netip.ParseAddr(u.Hostname())
	return port, err == nil && (address.IsLoopback() || slices.Contains(own, address))
}

// enableAddOn is said of a registry that somebody may never have asked for: MicroK8s' stock file names it on every node.
const enableAddOn = "if it is wanted: microk8s enable registry"

// trouble says why the add-on does not serve, as far as the cluster tells; empty: it should.
func (a *AddOn) trouble() string {
	if !a.Enabled {
		return "the add-on registry is not enabled"
	}
	return strings.Join(a.Faults, "; ")
}
