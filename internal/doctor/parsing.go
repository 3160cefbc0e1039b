package doctor

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// parsing are the traps of a hosts.toml that is not read, or kills who reads it.
var parsing = []Rule{{
	ID: "hosts-toml-ends-containerd", Severity: Error, Family: HostsTOML,
	Title: "a hosts.toml ends containerd",
	Cause: "containerd panics while it reads the file, at each pull of the registry: 1.x on two or more `[[host.\"…\"]]`, or hosts that are no tables; " +
		"2.1 and 2.2 on dotted keys (`host.\"…\".skip_verify = …`) where `skip_verify` is not the first. systemd starts it again, and the next pull ends it again.",
	Remedy: `write each host as a table, [host."URL"], with its keys on lines of their own`,
	check: each(func(_ *Facts, s site) []Finding {
		var all []Finding
		for _, j := range s.Judged {
			if j.Panic != "" {
				all = append(all, found(s.file(), s.strangeHost(), "containerd %d.x ends at %s: %s", j.Major, s.pulls(), j.Panic))
			}
		}
		return all
	}),
}, {
	ID: "hosts-toml-typographic-quotes", Severity: Error, Family: HostsTOML,
	Title:  "typographic quotes in a hosts.toml",
	Cause:  "A page or a word processor has put “ ” in place of \". The file is no TOML; containerd ignores it, writes a line to its log, and pulls from the registry itself.",
	Remedy: `write " in place of each typographic quote`,
	check: each(func(_ *Facts, s site) []Finding {
		if line := quoted(s.Hosts.Data); s.broken && line > 0 {
			return one(found(s.file(), line, "typographic quotes: containerd ignores the file and asks %s", s.upstream()))
		}
		return nil
	}),
}, {
	ID: "hosts-toml-encoding", Severity: Error, Family: HostsTOML,
	Title: "a hosts.toml that is no plain UTF-8",
	Cause: "A byte order mark, a byte that is not UTF-8 (in a comment is enough) or a lone carriage return as line end: containerd 1.x reads such a file, 2.x ignores it with a line in its log. " +
		"So the mirrors are gone after an upgrade.",
	Remedy: "save the file as UTF-8 without a byte order mark, with \\n at the end of each line",
	check: each(func(f *Facts, s site) []Finding {
		what, line := encoding(s.Hosts.Data)
		if what == "" {
			return nil
		}
		finding := found(s.file(), line, "%s: containerd 2.x ignores the file and asks %s", what, s.upstream())
		if !f.from(2, 0) {
			finding.Severity = Warning
		}
		return one(finding)
	}),
}, {
	ID: "hosts-toml-unknown-capability", Severity: Error, Family: HostsTOML,
	Title:  "a capability that containerd does not know",
	Cause:  "containerd knows `pull`, `resolve` and `push`, and from 2.2 on `referrers`. With any other word it ignores the whole file, writes a line to its log, and pulls from the registry itself.",
	Remedy: "leave the word out, or write the one that was meant",
	check: each(func(f *Facts, s site) []Finding {
		var all []Finding
		for _, e := range s.entries {
			if e.path[len(e.path)-1] != "capabilities" {
				continue
			}
			for _, word := range e.list {
				if f.knows(word) {
					continue
				}
				finding := found(s.file(), e.line, "%s does not know the capability %q: it ignores the file and asks %s", f.who(), word, s.upstream())
				if strings.EqualFold(word, "referrers") {
					finding.Cause = fmt.Sprintf("containerd before 2.2 does not know the capability \"referrers\": it ignores the file and asks %s", s.upstream())
				}
				all = append(all, finding)
			}
		}
		return all
	}),
}, {
	ID: "hosts-toml-dial-timeout", Severity: Error, Family: HostsTOML,
	Title:  "a dial_timeout without a unit",
	Cause:  "`dial_timeout` is a string with a unit, as in \"3s\". With \"3\" or 3, containerd 2.x ignores the whole file. 1.x does not know the key and reads past it.",
	Remedy: `write it with a unit: dial_timeout = "3s"`,
	check: each(func(f *Facts, s site) []Finding {
		var all []Finding
		for _, e := range s.entries {
			if e.path[len(e.path)-1] != "dial_timeout" {
				continue
			}
			if _, err := time.ParseDuration(e.value); e.kind == unstable.String && err == nil {
				continue
			}
			finding := found(s.file(), e.line, "dial_timeout has no unit: containerd 2.x ignores the file and asks %s", s.upstream())
			if !f.from(2, 0) {
				finding.Severity = Warning
			}
			all = append(all, finding)
		}
		return all
	}),
}, {
	ID: "hosts-toml-unparseable", Severity: Error, Family: HostsTOML,
	Title:  "a hosts.toml that containerd cannot read",
	Cause:  "The file is no TOML, or holds a value of the wrong kind. containerd ignores it, writes a line to its log that does not name the file, and pulls from the registry itself.",
	Remedy: "mend the line; regsync explain IMAGE shows what containerd makes of the file",
	check: each(func(f *Facts, s site) []Finding {
		what, _ := encoding(s.Hosts.Data)
		if !s.ignored() || what != "" || quoted(s.Hosts.Data) > 0 || s.named("capabilities", func(e entry) bool {
			return slices.ContainsFunc(e.list, func(w string) bool { return !f.knows(w) })
		}) || s.named("dial_timeout", func(entry) bool { return true }) {
			return nil // a rule that knows more of it speaks
		}
		return one(found(s.file(), s.line, "containerd cannot read the file: it ignores it and asks %s", s.upstream()))
	}),
}, {
	ID: "hosts-toml-empty", Severity: Info, Family: HostsTOML,
	Title:  "a hosts.toml with nothing in it",
	Cause:  "An empty hosts.toml counts as none. One of comments only names nobody (and is a broken file to 1.6). Either way its directory hides `_default`, and the registry itself is asked.",
	Remedy: "remove the directory, or say in the file whom to ask",
	check: each(func(_ *Facts, s site) []Finding {
		if s.Hosts.Data == nil || len(s.entries) > 0 || s.broken {
			return nil
		}
		return one(found(s.file(), 0, "nothing stands in the file: %s is asked, and _default is not looked at", s.upstream()))
	}),
}, {
	ID: "hosts-toml-server-only", Severity: Error, Family: HostsTOML,
	Title: "server without a host table",
	Cause: "containerd 1.6, and 1.7 before 1.7.32, say \"invalid `host` tree\" to their log and ignore a file without any host table, also one of a single line `server = \"…\"`, as in MicroK8s' own example of a " +
		"launch configuration (containerd#10027). The registry itself is asked.",
	Remedy: "add a line [host] at the end of the file; every version reads that",
	check: each(func(f *Facts, s site) []Finding {
		e, ok := s.get("server")
		if !ok || s.below("host") > 0 || s.broken || f.from(2, 0) || f.from(1, 7) && (f.Version.Minor > 7 || f.Version.Patch >= 32) {
			return nil
		}
		finding := found(s.file(), e.line, "server stands alone: %s ignores the file and asks %s", f.who(), s.upstream())
		if !f.Version.Known() {
			finding.Severity = Warning
			finding.Cause = fmt.Sprintf("server stands alone: containerd before 1.7.32 ignores the file and asks %s", s.upstream())
		}
		return one(finding)
	}),
}}

// upstream names who is asked where the file does not count.
func (s site) upstream() string {
	switch s.registry {
	case "*":
		return "each registry itself"
	case "docker.io":
		return "Docker Hub itself"
	}
	return s.registry + " itself"
}

// strangeHost gives the line of the first host that is not written as a table.
func (s site) strangeHost() int {
	for _, e := range s.entries {
		if e.path[0] == "host" && len(e.path) > 1 && (e.array || !e.head && (e.dotted || len(e.path) == 2)) {
			return e.line
		}
	}
	return s.below("host")
}

// named reports whether a key of this name is anywhere of which what holds.
func (s site) named(key string, what func(entry) bool) bool {
	return slices.ContainsFunc(s.entries, func(e entry) bool { return e.path[len(e.path)-1] == key && what(e) })
}

// knows reports whether the containerd knows a capability.
func (f *Facts) knows(word string) bool {
	word = strings.ToLower(word)
	return slices.Contains([]string{"pull", "resolve", "push"}, word) || word == "referrers" && f.from(2, 2)
}

// encoding says why data is no plain UTF-8 text, and on which line; empty: it is.
func encoding(data []byte) (what string, line int) {
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return "a byte order mark stands at the beginning", 1
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return "the file is UTF-16", 1
	}
	n := 0
	for text := range bytes.Lines(data) {
		n++
		if !utf8.Valid(text) {
			return "a byte is not UTF-8", n
		}
		if i := bytes.IndexByte(text, '\r'); i >= 0 && i != len(text)-2 {
			return "lines end in a lone carriage return", n
		}
	}
	return "", 0
}
