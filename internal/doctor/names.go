package doctor

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// names are the traps on the way from a name to an address, and on the way there.
var names = []Rule{{
	ID: "hosts-file-clash", Severity: Warning, Family: Names,
	Title:  "two lines of /etc/hosts give a name two addresses",
	Cause:  "The resolver takes the first line. The other is dead, and is the one that was meant as often as not.",
	Remedy: "take the line out that is no longer true",
	check: func(f *Facts) []Finding {
		var all []Finding
		for _, name := range f.wantedNames() {
			lines := f.linesOf(name)
			for i, l := range lines {
				first := slices.IndexFunc(lines, func(o hostsLine) bool { return o.address.Is4() == l.address.Is4() })
				if first < i && lines[first].address != l.address {
					finding := found(f.Hosts.Path, l.number, "%s is %s here, and %s in line %d, which counts", name, l.address, lines[first].address, lines[first].number)
					if lines[first].ours {
						finding.Severity = Info
					}
					all = append(all, finding)
				}
			}
		}
		return all
	},
}, {
	ID: "hosts-file-dns-disagree", Severity: Warning, Family: Names,
	Title:  "/etc/hosts and DNS disagree about a registry",
	Cause:  "On this node the line of /etc/hosts counts; everybody else goes where DNS says. After a move of the registry the line is the one that stays behind.",
	Remedy: "make the two say the same, or take the line out",
	check: func(f *Facts) []Finding {
		var all []Finding
		for _, name := range f.wantedNames() {
			dns, lines := f.Resolved[name], f.linesOf(name)
			if len(dns) == 0 || len(lines) == 0 || slices.ContainsFunc(lines, func(l hostsLine) bool { return slices.Contains(dns, l.address) }) {
				continue
			}
			all = append(all, found(f.Hosts.Path, lines[0].number, "%s is %s here, and %s in DNS", name, lines[0].address, join(dns)))
		}
		return all
	},
}, {
	ID: "localhost-ipv6-only", Severity: Warning, Family: Names,
	Title:  "localhost is ::1 and nothing else",
	Cause:  "Where /etc/hosts gives localhost ::1 and not 127.0.0.1, a registry that listens on 127.0.0.1 is not found under localhost.",
	Remedy: "add a line 127.0.0.1 localhost, or name the registry 127.0.0.1:PORT",
	check: func(f *Facts) []Finding {
		lines := f.linesOf("localhost")
		if len(lines) == 0 || slices.ContainsFunc(lines, func(l hostsLine) bool { return l.address.Is4() }) {
			return nil
		}
		var all []Finding
		for _, w := range f.Wanted {
			if w.Host != "localhost" || w.URL == "" || f.answers(w.URL) {
				continue
			}
			all = append(all, found(f.Hosts.Path, lines[0].number, "localhost is %s only, and %s names it", lines[0].address, w.Path))
			break
		}
		return all
	},
}, {
	ID: "cloud-init-hosts", Severity: Warning, Family: Names,
	Title:  "cloud-init writes /etc/hosts anew at each boot",
	Cause:  "With `manage_etc_hosts: true` cloud-init makes /etc/hosts of its template at each boot. Lines that are not in the template are gone then, and the registries' names with them.",
	Remedy: "set manage_etc_hosts: false, or put the lines into the template",
	check: func(f *Facts) []Finding {
		at, line := f.cloudManages()
		if line == 0 {
			return nil
		}
		var lost []string
		for _, name := range f.wantedNames() {
			if name == "localhost" || strings.Contains(string(f.Template.Data), name) {
				continue
			}
			if len(f.linesOf(name)) > 0 || slices.ContainsFunc(f.Wanted, func(w Named) bool { return w.Host == name && w.Addressed }) {
				lost = append(lost, name)
			}
		}
		if len(lost) == 0 {
			return nil
		}
		return one(found(at, line, "cloud-init writes %s anew at each boot: the lines for %s go then", f.Hosts.Path, strings.Join(lost, ", ")))
	},
}, {
	ID: "proxy-catches-endpoint", Severity: Warning, Family: Names,
	Title:  "a proxy catches requests to a registry of the local network",
	Cause:  "The runtime sends what NO_PROXY does not name through the proxy, which seldom reaches the local network. NO_PROXY is compared with what stands in the URL: a name is not looked up, so that an address range does not cover it.",
	Remedy: "add the registry's name, as it stands in the URL, to NO_PROXY of the service, and restart it",
	check: func(f *Facts) []Finding {
		var all []Finding
		for _, p := range f.Proxies {
			through := (&httpproxy.Config{HTTPProxy: p.HTTP, HTTPSProxy: p.HTTPS, NoProxy: p.Except}).ProxyFunc()
			for _, w := range f.Wanted {
				u, err := url.Parse(w.URL)
				if err != nil || u.Host == "" || w.Program != p.Program || !f.local(w) {
					continue
				}
				if proxy, err := through(u); err == nil && proxy != nil {
					all = append(all, found(p.Path, p.Line, "%s asks %s by the proxy %s: NO_PROXY does not name %s", p.Program, w.URL, proxy.Host, w.Host))
				}
			}
		}
		return all
	},
}}

// hostsLine is a line of /etc/hosts that names a name.
type hostsLine struct {
	number  int
	address netip.Addr
	ours    bool // it stands in regsync's block
}

// linesOf gives the lines of /etc/hosts for a name, in order.
func (f *Facts) linesOf(name string) []hostsLine {
	var all []hostsLine
	n, ours := 0, false
	for text := range strings.Lines(string(f.Hosts.Data)) {
		n++
		switch strings.TrimSpace(text) {
		case "# BEGIN regsync":
			ours = true
		case "# END regsync":
			ours = false
		}
		text, _, _ = strings.Cut(text, "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		address, err := netip.ParseAddr(fields[0])
		if err != nil || !slices.ContainsFunc(fields[1:], func(s string) bool { return strings.EqualFold(strings.TrimSuffix(s, "."), name) }) {
			continue
		}
		all = append(all, hostsLine{n, address.Unmap(), ours})
	}
	return all
}

// wantedNames are the names that the node's files or the spec name, without addresses.
func (f *Facts) wantedNames() []string {
	var all []string
	for _, w := range f.Wanted {
		if _, err := netip.ParseAddr(strings.Trim(w.Host, "[]")); err != nil && w.Host != "" && !slices.Contains(all, w.Host) {
			all = append(all, w.Host)
		}
	}
	slices.Sort(all)
	return all
}

// answers reports whether an endpoint was asked and answered.
func (f *Facts) answers(api string) bool {
	return slices.ContainsFunc(f.Contacts, func(c Contact) bool { return c.URL == api && c.Failure == "" })
}

// local reports whether an endpoint is in the local network, as far as files tell: by its address, or since it is plain http.
func (f *Facts) local(w Named) bool {
	if strings.HasPrefix(w.URL, "http://") {
		return true
	}
	if a, err := netip.ParseAddr(strings.Trim(w.Host, "[]")); err == nil {
		return a.IsPrivate()
	}
	return slices.ContainsFunc(f.linesOf(w.Host), func(l hostsLine) bool { return l.address.IsPrivate() })
}

// cloudManages gives the line by which cloud-init writes /etc/hosts; 0: it does not. "localhost" only has it add a line of its own.
func (f *Facts) cloudManages() (file string, line int) {
	for _, c := range f.Clouds {
		n := 0
		for text := range strings.Lines(string(c.Data)) {
			n++
			value, ok := strings.CutPrefix(strings.TrimSpace(text), "manage_etc_hosts:")
			if !ok || strings.HasPrefix(text, " ") {
				continue
			}
			value, _, _ = strings.Cut(value, "#")
			switch strings.ToLower(strings.Trim(strings.TrimSpace(value), `"'`)) {
			case "true", "yes", "on", "template":
				file, line = c.Path, n
			default: // the last file that says it counts
				file, line = "", 0
			}
		}
	}
	return file, line
}

func join(addresses []netip.Addr) string {
	var all []string
	for _, a := range addresses {
		all = append(all, a.String())
	}
	return strings.Join(all, ", ")
}
