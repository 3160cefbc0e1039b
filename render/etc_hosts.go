package render

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// etcHostsResource gives the block of the hosts file that s asks for: one line for each registry with an address, then the lines
// of etcHosts, in the order of the spec. It is false where the spec asks for no line. A warning names each line of others, in
// the file as it would be without us, that gives one of our names another address.
func etcHostsResource(s *spec.Spec, in Inputs) (Resource, []*spec.Problem, bool) {
	lines := hostsLines(s)
	if len(lines) == 0 {
		return Resource{}, nil, false
	}
	var body bytes.Buffer
	var names []string
	for _, l := range lines {
		fmt.Fprintf(&body, "%s %s\n", l.address, strings.Join(l.names, " "))
		names = append(names, l.names...)
	}
	why := "address of " + names[0]
	if more := len(names) - 1; more > 0 {
		why = fmt.Sprintf("addresses of %s and %d more", names[0], more)
	}
	return Resource{
		ID:    ID{Kind: KindFile, Name: in.Layout.HostsFile},
		Scope: Block,
		Body:  body.Bytes(),
		Mode:  0o644,
		From:  lines[0].from,
		Why:   why,
	}, hostsWarnings(lines, in), true
}

// hostsLine is one line of our block.
type hostsLine struct {
	address string
	names   []string
	from    spec.Position
	path    string // of the entry: registries[0].address
}

// hostsLines gives the lines that s asks for. A name is given an address once, however many entries say so.
func hostsLines(s *spec.Spec) []hostsLine {
	var lines []hostsLine
	given := map[[2]string]bool{}
	add := func(l hostsLine) {
		var fresh []string
		for _, name := range l.names {
			pair := [2]string{foldAddress(l.address), foldName(name)}
			if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || given[pair] {
				continue // no resolver is asked for an address
			}
			given[pair] = true
			fresh = append(fresh, name)
		}
		if l.names = fresh; len(fresh) > 0 {
			lines = append(lines, l)
		}
	}
	for i, r := range s.Registries {
		if r.Address != "" {
			add(hostsLine{r.Address, []string{hostName(r.Host)}, r.Pos, fmt.Sprintf("registries[%d].address", i)})
		}
	}
	for i, e := range s.EtcHosts {
		add(hostsLine{e.Address, e.Names, e.Pos, fmt.Sprintf("etcHosts[%d]", i)})
	}
	return lines
}

// hostsWarnings names the lines of others that give one of our names another address.
func hostsWarnings(lines []hostsLine, in Inputs) []*spec.Problem {
	_, text := cutBOM(in.HostsFile)
	var warnings []*spec.Problem
	for n, raw := range bytes.SplitAfter(text, []byte("\n")) {
		address, names := parseHosts(raw)
		for _, name := range names {
			i := slices.IndexFunc(lines, func(l hostsLine) bool { return l.gives(name) })
			if i < 0 || slices.ContainsFunc(lines, func(l hostsLine) bool { return l.gives(name) && foldAddress(l.address) == address }) {
				continue
			}
			warnings = append(warnings, &spec.Problem{
				Position: lines[i].from,
				Path:     lines[i].path,
				Message: fmt.Sprintf("line %d of %q gives %s another address: %q; regsync's lines go before it, because the first one counts",
					n+1, in.Layout.HostsFile, name, strings.TrimSpace(string(raw))),
				Hint: "take that line out, if it is no longer wanted",
			})
		}
	}
	return warnings
}

// gives reports whether the line is one for a name, which is folded.
func (l hostsLine) gives(name string) bool {
	return slices.ContainsFunc(l.names, func(n string) bool { return foldName(n) == name })
}

// hostName is host without its port.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}

// parseHosts gives the address of a line of a hosts file, in one spelling, and its names, folded. The address is empty where
// the line gives none: the resolvers pass over such a line.
func parseHosts(line []byte) (address string, names []string) {
	text, _, _ := strings.Cut(string(line), "#")
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return "", nil
	}
	if _, err := netip.ParseAddr(fields[0]); err != nil {
		return "", nil
	}
	for _, name := range fields[1:] {
		names = append(names, foldName(name))
	}
	return foldAddress(fields[0]), names
}

// foldName gives the spelling by which names are compared: case and a closing dot do not matter to the resolvers.
func foldName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// foldAddress gives the one spelling of an address; what is none stays as it is.
func foldAddress(address string) string {
	if a, err := netip.ParseAddr(address); err == nil {
		return a.Unmap().String()
	}
	return address
}
