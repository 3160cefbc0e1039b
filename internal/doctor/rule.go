package doctor

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says how bad a trap is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // pulls fail, or go where they should not
	Warning Severity = "warning" // they will, one day or for some of them
	Info    Severity = "info"    // it is not what it seems; nothing fails of it alone
)

// rank orders severities, the worst first.
func (s Severity) rank() int {
	switch s {
	case Error:
		return 0
	case Warning:
		return 1
	case Info:
		return 2
	}
	panic(fmt.Sprintf("unknown severity %q", string(s)))
}

// Family is what a rule looks at.
type Family string

// The families.
const (
	HostsTOML   Family = "hosts.toml"
	CertsD      Family = "certs.d"
	Config      Family = "containerd's config"
	Running     Family = "what runs"
	Names       Family = "names and addresses"
	Endpoints   Family = "endpoints"
	DockerFiles Family = "Docker"
	Images      Family = "images"
)

// Families gives the families in the order in which they are shown.
func Families() []Family {
	return []Family{HostsTOML, CertsD, Config, Running, Names, Endpoints, DockerFiles, Images}
}

// Rule is a known trap.
type Rule struct {
	ID       string // kebab-case; stays for ever
	Severity Severity
	Family   Family
	Title    string // the trap in a line
	Cause    string // what happens, and on which versions
	Remedy   string

	check func(*Facts) []Finding
}

// Finding is a trap that the node is in.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path"` // a file of the node's or a spec; empty: no file shows it
	Line     int      `json:"line"` // from 1; 0: the whole file
	Cause    string   `json:"cause"`
	Remedy   string   `json:"remedy"`
}

// Rules gives all rules, family by family.
func Rules() []Rule {
	return slices.Concat(parsing, keys, endpoints, authority, directories, config, configPath, running, names, contacts, trust, login, dockers, stock)
}

// Examine gives what the rules find, the worst first, then by file and line.
func Examine(facts Facts) []Finding {
	f := &facts
	for _, d := range f.Directories {
		if d.Hosts.Data != nil {
			f.sites = append(f.sites, newSite(d))
		}
	}
	findings := []Finding{}
	for _, rule := range Rules() {
		for _, finding := range rule.check(f) {
			finding.Rule = rule.ID
			finding.Severity = cmp.Or(finding.Severity, rule.Severity)
			finding.Remedy = cmp.Or(finding.Remedy, rule.Remedy)
			if !slices.Contains(findings, finding) {
				findings = append(findings, finding)
			}
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity.rank(), b.Severity.rank()), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line),
		)
	})
	return findings
}

// found is a finding at a place.
func found(path string, line int, format string, args ...any) Finding {
	return Finding{Path: path, Line: line, Cause: fmt.Sprintf(format, args...)}
}
