package doctor

import (
	"net/url"
	"slices"
	"strings"

	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/render"
)

// endpoints are the traps of whom a hosts.toml names.
var endpoints = []Rule{{
	ID: "hosts-toml-host-without-scheme", Severity: Warning, Family: HostsTOML,
	Title:  "a host without a scheme",
	Cause:  "containerd puts https:// before a name without a scheme. A registry of plain http then answers \"server gave HTTP response to HTTPS client\".",
	Remedy: "write http:// or https:// before it",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		if h.name == "" || strings.Contains(h.name, "://") || strings.HasPrefix(h.name, "http") {
			return nil
		}
		return one(found(s.file(), h.line, "%s has no scheme: it is asked by https", h.shown()))
	}),
}, {
	ID: "hosts-toml-unaskable-host", Severity: Error, Family: HostsTOML,
	Title: "a host that cannot be asked",
	Cause: "A name that begins with \"http\" gets no https:// put before it, so `http-cache.lab` is a URL without a scheme. `HTTP://m` becomes the host \"HTTP:\". Other schemes than http and https " +
		"are not spoken. As `server`, such a name leaves no upstream.",
	Remedy: "write http:// or https://, in small letters, before it",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		scheme, _, ok := strings.Cut(h.name, "://")
		switch {
		case !ok && strings.HasPrefix(h.name, "http"):
			return one(found(s.file(), h.line, "%s begins with http, so that no https:// is put before it: it cannot be asked", h.shown()))
		case ok && scheme != "http" && scheme != "https":
			return one(found(s.file(), h.line, "%s cannot be asked: containerd knows http:// and https:// only", h.shown()))
		}
		return nil
	}),
}, {
	ID: "hosts-toml-url-parts", Severity: Warning, Family: HostsTOML,
	Title:  "a URL with more than a host and a path",
	Cause:  "containerd drops a user and password, a query and a fragment of a host's URL without a word.",
	Remedy: "take them out; a credential goes into a header of the host, in a file that only root can read",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		u, err := url.Parse(h.name)
		if err != nil || u.Host == "" {
			return nil
		}
		for _, part := range []struct {
			there bool
			what  string
		}{{u.User != nil, "user and password"}, {u.RawQuery != "", "the query"}, {u.Fragment != "", "the fragment"}} {
			if part.there {
				return one(found(s.file(), h.line, "containerd drops %s of the URL of %s", part.what, u.Host))
			}
		}
		return nil
	}),
}, {
	ID: "hosts-toml-http-with-tls-keys", Severity: Warning, Family: HostsTOML,
	Title: "plain http with TLS keys",
	Cause: "With `ca`, `client` or `skip_verify` beside an http:// URL, also `skip_verify = false`, containerd asks by https first, on port 443 where none is written, and comes back to http only where " +
		"nothing answers. What answers there with another certificate or a 404 is final. (1.6.20 alone speaks http.)",
	Remedy: "take ca, client and skip_verify out of an http host",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		if e, ok := h.tlsKey(); ok && h.plain() {
			return one(found(s.file(), e.line, "%s is plain http, and %s makes containerd ask it by https first", h.shown(), e.path[len(e.path)-1]))
		}
		return nil
	}),
}, {
	ID: "hosts-toml-docker-io", Severity: Info, Family: HostsTOML,
	Title:  "docker.io as a server",
	Cause:  "docker.io is a web site; the registry is registry-1.docker.io. MicroK8s' stock file has `server = \"https://docker.io\"`: where the mirrors do not have an image, the pull ends there.",
	Remedy: `write server = "https://registry-1.docker.io"; regsync apply does so for a registry that the spec names`,
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(h.name, "https://"), "http://"), "/")
		if !slices.Contains([]string{"docker.io", "www.docker.io", "hub.docker.com"}, name) {
			return nil
		}
		return one(found(s.file(), h.line, "%s is a web site and no registry", h.name))
	}),
}, {
	ID: "hosts-toml-path-without-override", Severity: Warning, Family: HostsTOML,
	Title:  "a path of the API without override_path",
	Cause:  "containerd adds /v2 to a path unless it ends so or `override_path = true` stands beside it. Harbor's /v2/PROJECT is asked as /v2/PROJECT/v2, and answers 404.",
	Remedy: "add override_path = true to the host",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		u, err := url.Parse(h.name)
		if err != nil || h.keys["override_path"].yes || !strings.HasPrefix(u.Path, "/v2/") || strings.Trim(strings.TrimPrefix(u.Path, "/v2"), "/") == "" || strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v2") {
			return nil
		}
		return one(found(s.file(), h.line, "%s is asked as %s/v2", h.shown(), strings.TrimRight(h.shown(), "/")))
	}),
}, {
	ID: "hosts-toml-override-without-path", Severity: Error, Family: HostsTOML,
	Title:  "override_path without a path",
	Cause:  "`override_path = true` says that the path of the URL is the whole API root. Without a path containerd asks /REPOSITORY/manifests/…, which no registry serves.",
	Remedy: "take override_path out, or write the path, /v2 at least",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		u, err := url.Parse(h.name)
		e, ok := h.keys["override_path"]
		if err != nil || !ok || u.Host == "" || strings.Trim(u.Path, "/") != "" || !e.yes {
			return nil
		}
		return one(found(s.file(), e.line, "%s has no path: containerd asks it without /v2", h.shown()))
	}),
}, {
	ID: "hosts-toml-nobody-resolves", Severity: Error, Family: HostsTOML,
	Title:  "no endpoint may resolve a tag",
	Cause:  "A tag is looked up by endpoints that may `pull` and `resolve`. Where there is none, every pull of a tag fails with \"no resolve hosts: not found\". Pulls of a digest may still work.",
	Remedy: `give one host capabilities = ["pull", "resolve"]`,
	check: each(func(_ *Facts, s site) []Finding {
		if s.ours() { // it blocks a registry in this way
			return nil
		}
		for _, j := range s.Judged {
			if j.Err != nil || j.Panic != "" || len(j.Endpoints) == 0 || slices.ContainsFunc(j.Endpoints, resolves) {
				continue
			}
			return one(found(s.file(), s.firstCapabilities(), "no endpoint may pull and resolve: %s by a tag fails", s.pulls()))
		}
		return nil
	}),
}, {
	ID: "hosts-toml-capabilities-do-not-guard", Severity: Info, Family: HostsTOML,
	Title: "capabilities that seem to keep an endpoint from serving",
	Cause: "Capabilities guard the question which digest a tag stands for, and nothing else. Manifest and layers are fetched from every endpoint in the order of the file: a mirror for push only that stands " +
		"first and has the image serves it.",
	Remedy: "put the host behind those that shall serve, or take it out",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		e, ok := h.keys["capabilities"]
		if !ok || h.server || s.ours() || len(e.list) == 0 || slices.ContainsFunc(e.list, func(w string) bool { return strings.EqualFold(w, "pull") }) {
			return nil
		}
		return one(found(s.file(), e.line, "%s may not pull, and is asked for manifests and layers all the same", h.shown()))
	}),
}}

func resolves(e loader.Endpoint) bool {
	return slices.Contains(e.Capabilities, "pull") && slices.Contains(e.Capabilities, "resolve")
}

func (s site) firstCapabilities() int {
	for _, e := range s.entries {
		if e.path[len(e.path)-1] == "capabilities" {
			return e.line
		}
	}
	return 0
}

// secretFile reports whether others than root may read a hosts.toml with a credential.
func (s site) secretFile() bool {
	return s.Hosts.Data != nil && render.Confides(render.HostsTOML, s.Hosts.Data) && s.Hosts.Mode&0o077 != 0
}
