package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/regsync/regsync/internal/probe"
)

// The keys that containerd knows (HostFileConfig in remotes/docker/config).
var (
	hostKeys = []string{"capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout"}
	rootKeys = append([]string{"server", "host"}, hostKeys...)
)

// keys are the traps of a hosts.toml that is read, and means something else than it seems.
var keys = []Rule{{
	ID: "hosts-toml-unknown-key", Severity: Warning, Family: HostsTOML,
	Title: "a key that containerd does not know",
	Cause: "containerd reads past an unknown key without a word: with `capabilities` misspelt, a host has all capabilities. Keys in capitals are unknown to 1.x and good on 2.x; " +
		"the name of the table, `host`, is exact everywhere.",
	Remedy: "write the key that was meant, in small letters, or take it out",
	check: each(func(f *Facts, s site) []Finding {
		var all []Finding
		for _, e := range s.entries {
			if why := f.unknown(e.path); why != "" {
				all = append(all, found(s.file(), e.line, "%s", why))
			}
		}
		return all
	}),
}, {
	ID: "hosts-toml-dial-timeout-unknown", Severity: Info, Family: HostsTOML,
	Title:  "dial_timeout on containerd 1.x",
	Cause:  "`dial_timeout` came with containerd 2.0. 1.x reads past it, and waits 30 seconds for a mirror that is down.",
	Remedy: "take the key out, or upgrade containerd",
	check: each(func(f *Facts, s site) []Finding {
		var all []Finding
		for _, e := range s.entries {
			if f.Version.Before(2, 0) && !s.ours() && e.path[len(e.path)-1] == "dial_timeout" {
				all = append(all, found(s.file(), e.line, "%s does not know dial_timeout, and waits 30 seconds", f.who()))
			}
		}
		return all
	}),
}, {
	ID: "hosts-toml-server-below-host", Severity: Warning, Family: HostsTOML,
	Title:  "server below a host table",
	Cause:  "In TOML a key belongs to the table above it. A `server` that stands after `[host.\"…\"]` is that host's, where it means nothing: the registry itself is the last one asked.",
	Remedy: "move the line to the top of the file, before the first [host…]",
	check: each(func(_ *Facts, s site) []Finding {
		var all []Finding
		for _, e := range s.entries {
			if len(e.path) == 3 && e.path[0] == "host" && e.path[2] == "server" {
				all = append(all, found(s.file(), e.line, "server stands below host %q and belongs to it: it names no upstream", shown(e.path[1])))
			}
		}
		return all
	}),
}, {
	ID: "hosts-toml-inline-hosts", Severity: Error, Family: HostsTOML,
	Title: "hosts that are no tables of their own",
	Cause: "`host = {…}`, `\"http://m\" = {…}` under `[host]` and dotted keys are read by containerd 1.x, and silently left out by 2.x, also by 2.4: " +
		"after an upgrade every pull goes to the registry itself.",
	Remedy: `write each host as a table, [host."URL"], with its keys on lines of their own`,
	check: each(func(f *Facts, s site) []Finding {
		if s.broken || s.judged(func(j probe.Judged) bool { return j.Panic != "" }) {
			return nil
		}
		for _, e := range s.entries {
			if e.head || e.path[0] != "host" || len(e.path) < 2 || !e.dotted && !e.inline && (len(e.path) != 2 || e.kind != unstable.InlineTable) {
				continue
			}
			if len(e.path) > 3 || s.headed(e.path[1]) {
				continue // header = {…} of a host that is a table
			}
			finding := found(s.file(), e.line, "host %q is no table of its own: containerd 2.x leaves it out", shown(e.path[1]))
			if !f.from(2, 0) {
				finding.Severity = Warning
			}
			return one(finding)
		}
		return nil
	}),
}, {
	ID: "hosts-toml-order-drawn", Severity: Warning, Family: HostsTOML,
	Title:  "hosts without an order",
	Cause:  "containerd 1.x orders hosts by their lines. Those that share one, as in `host = {…}` or in a file whose lines end in a lone carriage return, are asked in an order that is drawn anew at each request, even within one pull.",
	Remedy: `write each host as a table, [host."URL"], on a line of its own`,
	check: each(func(f *Facts, s site) []Finding {
		what, _ := encoding(s.Hosts.Data)
		lines := map[int]string{}
		for _, h := range s.hosts {
			if h.server || !f.may(2, 0) {
				continue
			}
			line := h.line
			if strings.Contains(what, "carriage return") {
				line = 1
			}
			if first, ok := lines[line]; ok {
				return one(found(s.file(), line, "hosts %q and %q share a line: containerd 1.x draws their order anew at each request", first, h.shown()))
			}
			lines[line] = h.shown()
		}
		return nil
	}),
}, {
	ID: "hosts-toml-host-asked-twice", Severity: Warning, Family: HostsTOML,
	Title:  "a host that is asked twice",
	Cause:  "On containerd 2.x a sub-table that does not follow its host (`[host.a]`, `[host.b]`, `[host.a.header]`) makes `a` be asked a second time.",
	Remedy: "put each header table right behind its host",
	check: each(func(_ *Facts, s site) []Finding {
		for _, j := range s.Judged {
			seen := map[string]bool{}
			for _, e := range j.Endpoints {
				if j.Major == 2 && seen[e.URL] {
					if line := s.tornHost(); line > 0 {
						return one(found(s.file(), line, "containerd 2.x asks %s twice: its tables do not stand together", e.URL))
					}
				}
				seen[e.URL] = true
			}
		}
		return nil
	}),
}, {
	ID: "hosts-toml-root-keys", Severity: Info, Family: HostsTOML,
	Title: "keys at the top that are not for the hosts",
	Cause: "`ca`, `client`, `skip_verify`, `header` and `capabilities` at the top of the file belong to `server` alone, not to the hosts below it. Without a `server` they hold for the registry itself, and " +
		"`capabilities` then mean nothing.",
	Remedy: "put the keys below each host that they are for",
	check: each(func(_ *Facts, s site) []Finding {
		if s.ours() || s.broken {
			return nil
		}
		_, server := s.get("server")
		hosts := s.below("host") > 0 && slices.ContainsFunc(s.hosts, func(h host) bool { return !h.server })
		for _, key := range hostKeys {
			line := s.below(key)
			switch {
			case line == 0:
			case key == "capabilities" && !server:
				return one(found(s.file(), line, "capabilities stand at the top of the file, and no server does: they mean nothing"))
			case key != "capabilities" && key != "dial_timeout" && key != "override_path" && hosts && !s.have(key):
				return one(found(s.file(), line, "%s at the top of the file is the upstream's alone: no host below has one", key))
			}
		}
		return nil
	}),
}, {
	ID: "hosts-toml-empty-capabilities", Severity: Warning, Family: HostsTOML,
	Title:  "an empty list of capabilities",
	Cause:  "`capabilities = []` means all of them, as if the key were not there. There is no host that may do nothing.",
	Remedy: "name the capabilities, or take the host out",
	check: eachHost(func(_ *Facts, s site, h host) []Finding {
		if e, ok := h.keys["capabilities"]; ok && e.kind == unstable.Array && len(e.list) == 0 {
			return one(found(s.file(), e.line, "capabilities of %s are empty, which means all", h.shown()))
		}
		return nil
	}),
}}

// unknown says how containerd does not know the key at a path of a hosts.toml; empty where it does. What stands in a header is anybody's.
func (f *Facts) unknown(path []string) string {
	key, list := path[0], rootKeys
	if key == "host" {
		if len(path) < 3 || path[2] == "header" || path[2] == "server" { // which has a rule of its own
			return ""
		}
		key, list = path[2], hostKeys
	}
	switch folded := strings.ToLower(key); {
	case slices.Contains(list, key):
		return ""
	case folded == "host":
		return fmt.Sprintf("%s is no host table: containerd wants its name in small letters", key)
	case !slices.Contains(list, folded):
		return fmt.Sprintf("containerd does not know the key %q and reads past it", key)
	case f.from(2, 0):
		return "" // 2.x reads keys without regard to case
	}
	return fmt.Sprintf("containerd 1.x does not know the key %q, which is in capitals, and reads past it", key)
}

// headed reports whether a host is written as [host."NAME"].
func (s site) headed(name string) bool {
	return slices.ContainsFunc(s.entries, func(e entry) bool { return e.head && !e.array && slices.Equal(e.path, []string{"host", name}) })
}

// tornHost gives the line of a table of a host that another host stands before.
func (s site) tornHost() int {
	last, seen := "", map[string]bool{}
	for _, e := range s.entries {
		if !e.head || len(e.path) < 2 || e.path[0] != "host" {
			continue
		}
		if e.path[1] != last && seen[e.path[1]] {
			return e.line
		}
		last, seen[e.path[1]] = e.path[1], true
	}
	return 0
}

// have reports whether a host of the file has the key.
func (s site) have(key string) bool {
	return slices.ContainsFunc(s.hosts, func(h host) bool { _, ok := h.keys[key]; return ok && !h.server })
}
